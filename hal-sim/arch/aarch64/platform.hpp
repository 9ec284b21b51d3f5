#pragma once
// AArch64 machines and the VMs on them.

#include <expected>
#include <hal-sim/arch/aarch64/sim_cpu.hpp>
#include <hal-sim/arch/arch_hal.hpp>
#include <hal-sim/platform.hpp>
#include <string>

namespace axvm::hal_sim {
extern template class ArchHal<aarch64::SimCpu>;
}  // namespace axvm::hal_sim

namespace axvm::hal_sim::aarch64 {

using Hal = ArchHal<SimCpu>;
static_assert(VmHal<Hal>);

/// As make_platform for Isa::Aarch64.
[[nodiscard]] std::expected<Platform, std::string> make_platform(const sim::MachineOptions& options,
                                                                 Choices& choices, Trace& trace);

/// The MMU of a pCPU; null when the machine is of another architecture.
[[nodiscard]] const sim::aarch64::Mmu* mmu_of(sim::Machine& machine, unsigned pcpu);

}  // namespace axvm::hal_sim::aarch64
