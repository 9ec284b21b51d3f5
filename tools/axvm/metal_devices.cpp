#include <fmt/format.h>

#include <axvm/config.hpp>
#include <hal-sim/backends/backends.hpp>
#include <map>
#include <tools/axvm/metal_devices.hpp>
#include <utility>

namespace axvm::tool {
namespace {

using hal_sim::backend_diagnostic;
using hal_sim::EmulatedDeviceRow;
using hal_sim::options_for;
using hal_sim::VmFile;

constexpr std::uint64_t kSector = 512;

class Planner {
 public:
  Planner(const hal_sim::MachineConfig& config, const hal_sim::ImageSearch& images)
      : config_(config), images_(images) {}

  std::expected<MetalDevices, std::string> plan(const VmFile& vm) {
    MetalDevices devices;
    for (std::size_t row = 0; row < vm.emu_devices.size(); ++row) {
      if (auto done = add(vm, row, devices); !done) return std::unexpected(done.error());
    }
    return devices;
  }

 private:
  std::expected<void, std::string> add(const VmFile& vm, std::size_t row, MetalDevices& devices) {
    const EmulatedDeviceRow& device = vm.emu_devices[row];
    switch (static_cast<EmulatedDeviceType>(device.emu_type)) {
      case EmulatedDeviceType::VirtioBlock: return add_disk(device.name, row, devices);
      case EmulatedDeviceType::VirtioNet: return add_card(vm, row, devices);
      case EmulatedDeviceType::FwCfg: return add_files(device.name, row, devices);
      default: return {};
    }
  }

  std::expected<void, std::string> add_disk(const std::string& name, std::size_t row,
                                            MetalDevices& devices) {
    const auto* options = options_for(config_.sim.backends.disks, name);
    if (options == nullptr) return {};
    MetalDisk disk{.device = row, .size = options->size, .read_only = options->read_only};
    if (options->file) {
      const std::string key = fmt::format("sim.disk.{}.file", name);
      if (!options->read_only && !options->overlay) {
        return wrong(key, "is written in place, which cannot be on bare metal");
      }
      auto contents = read(key, *options->file);
      if (!contents) return std::unexpected(contents.error());
      if (contents->size() % kSector != 0) {
        return wrong(key,
                     fmt::format("has {} bytes, expected a multiple of 512", contents->size()));
      }
      disk.contents = std::move(*contents);
    }
    devices.disks.push_back(std::move(disk));
    return {};
  }

  std::expected<void, std::string> add_card(const VmFile& vm, std::size_t row,
                                            MetalDevices& devices) {
    const std::string& name = vm.emu_devices[row].name;
    const auto* given = options_for(config_.sim.backends.networks, name);
    const auto options = given != nullptr ? *given : hal_sim::NetworkOptions{.device = name};
    if (options.pcap) {
      return wrong(fmt::format("sim.net.{}.pcap", name),
                   "is a file, which cannot be on bare metal");
    }
    const std::size_t network =
        networks_.try_emplace(options.network, networks_.size()).first->second;
    devices.cards.push_back({row, network, options.mac.value_or(hal_sim::default_mac(vm.id, row))});
    return {};
  }

  std::expected<void, std::string> add_files(const std::string& name, std::size_t row,
                                             MetalDevices& devices) {
    const auto* options = options_for(config_.sim.backends.firmware, name);
    if (options == nullptr) return {};
    MetalFiles firmware{.device = row};
    for (std::size_t i = 0; i < options->files.size(); ++i) {
      const auto& file = options->files[i];
      auto contents = read(fmt::format("sim.fw_cfg.{}.files[{}].path", name, i), file.path);
      if (!contents) return std::unexpected(contents.error());
      firmware.files.push_back({file.name, std::move(*contents)});
    }
    devices.firmware.push_back(std::move(firmware));
    return {};
  }

  std::expected<hal_sim::Bytes, std::string> read(const std::string& key, const std::string& name) {
    const auto path = hal_sim::find_backend_file(config_, images_, key, name);
    if (!path) return std::unexpected(to_string(path.error()));
    auto contents = hal_sim::read_file(*path);
    if (contents) return std::move(*contents);
    return std::unexpected(to_string(backend_diagnostic(
        config_, key, fmt::format("\"{}\" {}", path->string(), contents.error()))));
  }
  std::unexpected<std::string> wrong(const std::string& key, std::string what) {
    return std::unexpected(to_string(backend_diagnostic(config_, key, std::move(what))));
  }

  const hal_sim::MachineConfig& config_;
  const hal_sim::ImageSearch& images_;
  std::map<std::string, std::size_t> networks_;
};

}  // namespace

std::expected<std::vector<MetalDevices>, std::string> plan_metal_devices(
    const hal_sim::MachineConfig& config, const hal_sim::ImageSearch& images) {
  Planner planner(config, images);
  std::vector<MetalDevices> all;
  for (const VmFile& vm : config.vms) {
    auto devices = planner.plan(vm);
    if (!devices) return std::unexpected(devices.error());
    all.push_back(std::move(*devices));
  }
  return all;
}

}  // namespace axvm::tool
