#include <tools/axvm/saver.hpp>

namespace axvm::tool {

std::expected<hal_sim::MachineIdentity, std::string> snapshot_identity(
    const hal_sim::MachineConfig& config, const ConfigurationOptions& options) {
  auto machine = hal_sim::identify(config, image_search(options));
  if (machine) machine->insert(machine->begin(), {"axvm version", AXVM_VERSION});
  return machine;
}

}  // namespace axvm::tool
