#include <hal-sim/arch/aarch64/platform.hpp>
#include <hal-sim/arch/riscv64/platform.hpp>
#include <hal-sim/platform.hpp>

namespace axvm::hal_sim {

std::expected<Platform, std::string> make_platform(const SimOptions& sim,
                                                   const sim::MachineOptions& options,
                                                   Choices& choices, Trace& trace) {
  switch (sim.isa) {
    case Isa::Aarch64: return aarch64::make_platform(options, choices, trace);
    case Isa::Riscv64:
      return riscv64::make_platform({options, {.g_stage_modes = sim.g_stage_modes}}, choices,
                                    trace);
  }
  return std::unexpected("no machine of this architecture can be made");
}

}  // namespace axvm::hal_sim
