#pragma once
// What makes a configuration that parses unfit for the simulated machine.

#include <hal-sim/config/machine_config.hpp>
#include <vector>

namespace axvm::hal_sim {

/// The core's findings about each VM and those of the machine, each at its place in the file:
/// addresses beyond the reach of stage 2, more memory than the machine can have, an entry point
/// that is no instruction's address, a console without room for its registers. Empty: the machine
/// can be built; what may still be missing are images.
[[nodiscard]] std::vector<Diagnostic> check_config(const MachineConfig& config);

}  // namespace axvm::hal_sim
