#include <hal-sim/arch/riscv64/platform.hpp>
#include <memory>
#include <utility>

namespace axvm::hal_sim {
template class ArchHal<riscv64::SimCpu>;
}  // namespace axvm::hal_sim

namespace axvm::hal_sim::riscv64 {

std::expected<Platform, std::string> make_platform(const sim::riscv64::MachineOptions& options,
                                                   Choices& choices, Trace& trace) {
  auto machine = sim::riscv64::Machine::create(options);
  if (!machine) return std::unexpected(std::move(machine.error()));
  auto hal = std::make_unique<Hal>(**machine, choices, trace);
  return Platform{std::move(*machine), std::move(hal)};
}

sim::riscv64::Pcpu* hart_of(sim::Machine& machine, unsigned pcpu) {
  auto* const of_this = dynamic_cast<sim::riscv64::Machine*>(&machine);
  return of_this != nullptr ? &of_this->pcpu(pcpu) : nullptr;
}

}  // namespace axvm::hal_sim::riscv64
