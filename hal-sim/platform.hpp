#pragma once
// A machine of some architecture, and the VMM's HAL over it.

#include <expected>
#include <hal-sim/config/sim_options.hpp>
#include <hal-sim/sim_hal.hpp>
#include <memory>
#include <sim/machine.hpp>
#include <string>

namespace axvm::hal_sim {

struct Platform {
  std::unique_ptr<sim::Machine> machine;
  std::unique_ptr<SimHal> hal;
};

/// A machine of `options`, of the architecture and with the features that `sim` names. `choices`
/// and `trace` outlive it. Fails with one line of text when the options are unusable or the engine
/// refuses.
[[nodiscard]] std::expected<Platform, std::string> make_platform(const SimOptions& sim,
                                                                 const sim::MachineOptions& options,
                                                                 Choices& choices, Trace& trace);

}  // namespace axvm::hal_sim
