#include <hal-sim/arch/aarch64/platform.hpp>
#include <hal-sim/arch/riscv64/platform.hpp>
#include <hal-sim/platform.hpp>

namespace axvm::hal_sim {

std::expected<Platform, std::string> make_platform(Isa isa, const sim::MachineOptions& options,
                                                   Choices& choices, Trace& trace) {
  switch (isa) {
    case Isa::Aarch64: return aarch64::make_platform(options, choices, trace);
    case Isa::Riscv64: return riscv64::make_platform(options, choices, trace);
  }
  return std::unexpected("no machine of this architecture can be made");
}

}  // namespace axvm::hal_sim
