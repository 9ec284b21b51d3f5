#include <fmt/format.h>

#include <hal-sim/config/backend_check.hpp>

namespace axvm::hal_sim {
namespace {

class BackendCheck {
 public:
  BackendCheck(const MachineConfig& config, std::vector<Diagnostic>& findings)
      : config_(config), findings_(findings) {}

  void run() {
    const BackendOptions& backends = config_.sim.backends;
    for (const auto& disk : backends.disks) {
      check_name("disk", disk.device, EmulatedDeviceType::VirtioBlock);
    }
    for (const auto& network : backends.networks) {
      check_name("net", network.device, EmulatedDeviceType::VirtioNet);
    }
    for (const auto& firmware : backends.firmware) {
      check_name("fw_cfg", firmware.device, EmulatedDeviceType::FwCfg);
    }
    for (const VmFile& vm : config_.vms) check_disks(vm);
  }

 private:
  static bool is(const EmulatedDeviceRow& device, EmulatedDeviceType type) {
    return device.emu_type == static_cast<std::uint64_t>(type);
  }

  void check_name(std::string_view kind, const std::string& name, EmulatedDeviceType type) {
    std::size_t count = 0;
    for (const VmFile& vm : config_.vms) {
      for (const EmulatedDeviceRow& device : vm.emu_devices) {
        if (device.name == name && is(device, type)) ++count;
      }
    }
    if (count == 1) return;
    const auto number = static_cast<std::uint64_t>(type);
    const std::string key = fmt::format("sim.{}.{}", kind, name);
    for (const VmFile& vm : config_.vms) {
      if (!vm.locations.contains(key)) continue;
      findings_.push_back(
          {vm.file, vm.locate(key), key,
           count == 0 ? "names no device" : fmt::format("names {} devices", count),
           fmt::format("the name of one row of emu_devices of type {:#x}", number)});
    }
  }

  void check_disks(const VmFile& vm) {
    for (std::size_t i = 0; i < vm.emu_devices.size(); ++i) {
      const EmulatedDeviceRow& device = vm.emu_devices[i];
      if (!is(device, EmulatedDeviceType::VirtioBlock)) continue;
      if (options_for(config_.sim.backends.disks, device.name) != nullptr) continue;
      const std::string key = fmt::format("devices.emu_devices[{}]", i);
      findings_.push_back({vm.file, vm.locate(key), key, "has nothing stored on it",
                           fmt::format("[sim.disk.{}] with a file or a size", device.name)});
    }
  }

  const MachineConfig& config_;
  std::vector<Diagnostic>& findings_;
};

}  // namespace

void check_backends(const MachineConfig& config, std::vector<Diagnostic>& findings) {
  BackendCheck(config, findings).run();
}

}  // namespace axvm::hal_sim
