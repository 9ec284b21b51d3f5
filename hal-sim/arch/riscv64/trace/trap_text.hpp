#pragma once
// scause and its companions (Privileged ISA, "Hypervisor Extension": traps into HS-mode).

#include <hal-sim/trace/trap_text.hpp>

namespace axvm::hal_sim::riscv64 {

[[nodiscard]] const TrapText& trap_text();

}  // namespace axvm::hal_sim::riscv64
