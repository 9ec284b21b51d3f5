#pragma once
// Snapshots: who writes them, and of which machine they are.

#include <expected>
#include <hal-sim/host/host.hpp>
#include <string>
#include <tools/axvm/configuration.hpp>

namespace axvm::tool {

/// What a snapshot of this machine has to agree with: the program's version and what
/// hal_sim::identify() says. Otherwise one line.
[[nodiscard]] std::expected<hal_sim::MachineIdentity, std::string> snapshot_identity(
    const hal_sim::MachineConfig& config, const ConfigurationOptions& options);

/// Saves a machine; all outlive it.
class Saver {
 public:
  Saver(hal_sim::Host& host, const hal_sim::MachineConfig& config,
        const ConfigurationOptions& options)
      : host_(host), config_(config), options_(options) {}

  /// Errors, one line: as Host::save; a file that the machine is made of is gone.
  std::expected<void, std::string> save(const std::string& file) {
    const auto machine = snapshot_identity(config_, options_);
    if (!machine) return std::unexpected(machine.error());
    return host_.save(file, *machine);
  }

 private:
  hal_sim::Host& host_;
  const hal_sim::MachineConfig& config_;
  const ConfigurationOptions& options_;
};

}  // namespace axvm::tool
