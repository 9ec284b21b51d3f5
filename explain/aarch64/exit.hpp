#pragma once
// An exception that was taken to EL2, in words.

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace axvm::explain::aarch64 {

/// What hardware left behind, as far as it is known.
struct Exit {
  std::uint64_t esr = 0;
  std::optional<std::uint64_t> far{};
  std::optional<std::uint64_t> hpfar{};
  std::optional<std::uint64_t> elr{};
  std::optional<std::uint64_t> spsr{};
  std::span<const std::uint64_t> registers{};  ///< X0 to X30, or none
};

/// What the guest did, as a clause: "a 4-byte write of w1 = 0x48 to IPA 0x9000000".
[[nodiscard]] std::string what_happened(const Exit& exit);
/// Why that came to EL2, and what software at EL2 has to know before it goes on.
[[nodiscard]] std::vector<std::string> what_follows(const Exit& exit);

}  // namespace axvm::explain::aarch64
