#pragma once
// What a guest accessed when it was left, as far as the exit's registers tell.

#include <axvm/event.hpp>
#include <cstdint>
#include <hal-sim/isa.hpp>
#include <optional>
#include <sim/arch/aarch64/translation.hpp>
#include <sim/arch/riscv64/translation.hpp>

namespace axvm::tool {

/// An access that stage 2 refused, or a walk for it.
struct TracedAccess {
  std::uint64_t gva = 0;
  sim::aarch64::Access access = sim::aarch64::Access::Read;  ///< of RISC-V alike
  bool user = false;                                         ///< from EL0, or from VU-mode
};

/// Nothing when the trap is another one, or does not say the address (Arm: ISS.FnV).
[[nodiscard]] std::optional<TracedAccess> traced_access(hal_sim::Isa isa, const TrapTaken& trap);

[[nodiscard]] sim::riscv64::Access riscv64_access(sim::aarch64::Access access) noexcept;

}  // namespace axvm::tool
