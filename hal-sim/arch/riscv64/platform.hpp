#pragma once
// RISC-V machines and the VMs on them.

#include <expected>
#include <hal-sim/arch/arch_hal.hpp>
#include <hal-sim/arch/riscv64/sim_cpu.hpp>
#include <hal-sim/platform.hpp>
#include <string>

namespace axvm::hal_sim {
extern template class ArchHal<riscv64::SimCpu>;
}  // namespace axvm::hal_sim

namespace axvm::hal_sim::riscv64 {

using Hal = ArchHal<SimCpu>;
static_assert(VmHal<Hal>);

/// As make_platform for Isa::Riscv64.
[[nodiscard]] std::expected<Platform, std::string> make_platform(
    const sim::riscv64::MachineOptions& options, Choices& choices, Trace& trace);

/// A pCPU's hart; null when the machine is of another architecture.
[[nodiscard]] sim::riscv64::Pcpu* hart_of(sim::Machine& machine, unsigned pcpu);

}  // namespace axvm::hal_sim::riscv64
