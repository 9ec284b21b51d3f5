#pragma once
// Registers of EL1 and EL0 that have one value in this machine, whatever the engine says: features,
// caches, debug, performance monitors (DDI 0487 D24.2). They are those of a Cortex-A72 as far as
// this machine goes. Values that depend on EL2's or EL1's state are not here.

#include <cstdint>
#include <optional>
#include <sim/arch/aarch64/sysreg.hpp>

namespace axvm::sim::aarch64 {

/// What EL1 reads; nothing when `r` is no such register.
[[nodiscard]] std::optional<std::uint64_t> fixed_register(SysReg r) noexcept;
/// Whether EL1's writes of the register are taken and have no effect.
[[nodiscard]] bool ignores_writes(SysReg r) noexcept;
/// Registers that the engine has and this machine has not.
[[nodiscard]] constexpr bool is_absent(SysReg r) noexcept {
  constexpr SysReg kConfigurationBase{3, 1, 15, 3, 0};  // CBAR_EL1
  constexpr SysReg kUnallocated{2, 0, 0, 1, 0};         // the engine's MDCCSR_EL0
  return r == kConfigurationBase || r == kUnallocated;
}

/// Breakpoints and watchpoints, the OS lock and what belongs to them.
[[nodiscard]] constexpr bool is_debug_register(SysReg r) noexcept { return r.op0() == 2; }
/// PMCR_EL0 and its neighbours, and the event counters.
[[nodiscard]] bool is_performance_monitor(SysReg r) noexcept;

}  // namespace axvm::sim::aarch64
