#pragma once
// Whether devices and what is behind them know each other.

#include <hal-sim/config/machine_config.hpp>
#include <vector>

namespace axvm::hal_sim {

/// Adds findings: a sub-table of [sim] whose name is that of no device of its kind, or of several;
/// a disk that has none.
void check_backends(const MachineConfig& config, std::vector<Diagnostic>& findings);

}  // namespace axvm::hal_sim
