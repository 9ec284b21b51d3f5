#pragma once
// A trap that was taken from a guest to HS-mode, in words.

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace axvm::explain::riscv64 {

/// What hardware left behind, as far as it is known.
struct Exit {
  std::uint64_t scause = 0;
  std::optional<std::uint64_t> stval{};
  std::optional<std::uint64_t> htval{};
  std::optional<std::uint64_t> htinst{};
  std::optional<std::uint64_t> sepc{};
  std::optional<std::uint64_t> hstatus{};
  std::span<const std::uint64_t> registers{};  ///< x1 to x31, or none
};

/// scause.Interrupt.
[[nodiscard]] constexpr bool is_interrupt(std::uint64_t scause) noexcept {
  return scause >> 63 != 0;
}

/// What the guest did, as a clause: "a 4-byte store of a1 = 0x48 to GVA 0x10000000".
[[nodiscard]] std::string what_happened(const Exit& exit);
/// Why that came to HS-mode, and what software there has to know before it goes on.
[[nodiscard]] std::vector<std::string> what_follows(const Exit& exit);

}  // namespace axvm::explain::riscv64
