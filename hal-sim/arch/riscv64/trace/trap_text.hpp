#pragma once
// scause and its companions (Privileged ISA, "Hypervisor Extension": traps into HS-mode).

#include <cstdint>
#include <hal-sim/trace/trap_text.hpp>

namespace axvm::hal_sim::riscv64 {

[[nodiscard]] const TrapText& trap_text();

/// Whether htinst says that a guest-page fault is of a walk of the VS-stage, to read or to write an
/// entry ("Transformed Instruction or Pseudoinstruction for mtinst or htinst").
[[nodiscard]] constexpr bool is_of_walk(std::uint64_t htinst) noexcept {
  return htinst == 0x3000 || htinst == 0x3020;
}

}  // namespace axvm::hal_sim::riscv64
