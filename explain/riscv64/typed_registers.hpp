#pragma once
// RISC-V's registers of translation, as somebody has typed them in.

#include <cstdint>
#include <optional>
#include <sim/arch/riscv64/translation.hpp>
#include <span>
#include <string>
#include <string_view>

namespace axvm::explain::riscv64 {

/// What translation depends on. Registers that nobody has typed in are 0; what machine mode decides
/// (menvcfg.PBMTE) is the widest that the walker knows.
struct TypedRegisters {
  std::optional<std::uint64_t> satp{};
  std::optional<std::uint64_t> vsatp{};
  std::optional<std::uint64_t> hgatp{};
  std::uint64_t henvcfg = 0;
  std::uint64_t hstatus = 0;
  std::uint64_t sstatus = 0;  ///< HS-level
  std::uint64_t vsstatus = 0;

  /// satp alone: the one stage of a hart that runs no guest (V = 0).
  [[nodiscard]] bool one_stage() const noexcept { return satp && !vsatp && !hgatp; }
  /// For the walker, to which satp's stage is the VS-stage over a G-stage that is Bare.
  [[nodiscard]] sim::riscv64::Registers registers() const noexcept;
  /// With SUM and MXR as typed in.
  [[nodiscard]] sim::riscv64::AccessContext context(sim::riscv64::Access access,
                                                    bool user_mode) const noexcept;
};

/// The registers that translation depends on.
[[nodiscard]] std::span<const std::string_view> typed_register_names();

/// Sets one of typed_register_names().
void set_register(TypedRegisters& typed, std::string_view name, std::uint64_t value);

/// What keeps the walker from walking with these registers, in one line; empty: nothing.
[[nodiscard]] std::string unsupported(const TypedRegisters& typed);

}  // namespace axvm::explain::riscv64
