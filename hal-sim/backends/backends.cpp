#include <fmt/format.h>

#include <hal-sim/backends/backends.hpp>
#include <hal-sim/backends/file_store.hpp>

namespace axvm::hal_sim {

// Locally administered, as QEMU's: 52:54:00:00, the VM, the row.
std::uint64_t default_mac(std::uint32_t vm, std::size_t row) {
  return 0x5452ULL | std::uint64_t{vm & 0xff} << 32 | std::uint64_t{row & 0xff} << 40;
}

Diagnostic backend_diagnostic(const MachineConfig& config, std::string key, std::string what) {
  for (const VmFile& vm : config.vms) {
    if (!vm.locations.contains("sim")) continue;
    const Location where = vm.locate(key);
    return {vm.file, where, std::move(key), std::move(what), {}};
  }
  return {{}, {}, std::move(key), std::move(what), {}};
}

std::expected<std::filesystem::path, Diagnostic> find_backend_file(const MachineConfig& config,
                                                                   const ImageSearch& images,
                                                                   std::string key,
                                                                   const std::string& name) {
  std::string what = "is not there";
  for (const VmFile& vm : config.vms) {
    if (!vm.locations.contains("sim")) continue;
    auto found = find_image(name, vm.file, images);
    if (found) return std::move(*found);
    what = found.error();
  }
  return std::unexpected(backend_diagnostic(config, std::move(key), std::move(what)));
}

/// Makes the backends of one configuration and notes what is wrong.
class Backends::Maker {
 public:
  Maker(Backends& into, const MachineConfig& config, const ImageSearch& images,
        NetworkSwitch::Clock clock)
      : into_(into), config_(config), images_(images), clock_(std::move(clock)) {}

  void add(const VmFile& vm, std::size_t row) {
    const EmulatedDeviceRow& device = vm.emu_devices[row];
    DeviceBackend backend;
    switch (static_cast<EmulatedDeviceType>(device.emu_type)) {
      case EmulatedDeviceType::VirtioBlock: backend.store = disk_of(device.name); break;
      case EmulatedDeviceType::VirtioNet: plug_in(vm, row, backend); break;
      case EmulatedDeviceType::VirtioEntropy: backend.entropy = &into_.entropy_; break;
      case EmulatedDeviceType::FwCfg: add_files(device.name, backend); break;
      default: return;
    }
    into_.devices_.push_back({VmId(vm.id), row, backend});
  }

  std::vector<Diagnostic> findings;

 private:
  void report(const std::string& key, std::string what) {
    findings.push_back(backend_diagnostic(config_, key, std::move(what)));
  }
  std::optional<std::filesystem::path> find(const std::string& key, const std::string& name) {
    auto found = find_backend_file(config_, images_, key, name);
    if (found) return std::move(*found);
    findings.push_back(std::move(found.error()));
    return std::nullopt;
  }

  BlockStore* disk_of(const std::string& name) {
    const DiskOptions* options = options_for(config_.sim.backends.disks, name);
    if (options == nullptr) return nullptr;
    if (!options->file) {
      return overlay(std::make_unique<OverlayStore>(options->size, options->read_only));
    }
    const std::string key = fmt::format("sim.disk.{}.file", name);
    const auto path = find(key, *options->file);
    if (!path) return nullptr;
    const bool written = !options->read_only && !options->overlay;
    if (written) into_.written_in_place_ = name;
    auto file = FileStore::open(*path, !written);
    if (!file) {
      report(key, fmt::format("\"{}\" {}", path->string(), file.error()));
      return nullptr;
    }
    std::shared_ptr<BlockStore> store = std::move(*file);
    if (options->read_only || written) return into_.stores_.emplace_back(std::move(store)).get();
    return overlay(std::make_unique<OverlayStore>(std::move(store)));
  }
  BlockStore* overlay(std::unique_ptr<OverlayStore> store) {
    return into_.overlays_.emplace_back(std::move(store)).get();
  }

  void plug_in(const VmFile& vm, std::size_t row, DeviceBackend& backend) {
    const std::string& name = vm.emu_devices[row].name;
    const NetworkOptions* given = options_for(config_.sim.backends.networks, name);
    const NetworkOptions options = given != nullptr ? *given : NetworkOptions{.device = name};
    std::unique_ptr<PcapWriter> pcap;
    if (options.pcap) {
      auto made = PcapWriter::create(*options.pcap);
      if (made) {
        pcap = std::move(*made);
      } else {
        report(fmt::format("sim.net.{}.pcap", name),
               fmt::format("\"{}\" {}", *options.pcap, made.error()));
      }
    }
    Network& network = into_.networks_.try_emplace(options.network, clock_).first->second;
    network.owners.push_back(VmId(vm.id));
    backend.network = &network.between.add_port(std::move(pcap));
    backend.mac = options.mac.value_or(default_mac(vm.id, row));
  }

  void add_files(const std::string& name, DeviceBackend& backend) {
    const FirmwareOptions* options = options_for(config_.sim.backends.firmware, name);
    if (options == nullptr) return;
    auto firmware = std::make_unique<Firmware>();
    for (std::size_t i = 0; i < options->files.size(); ++i) {
      const std::string key = fmt::format("sim.fw_cfg.{}.files[{}].path", name, i);
      const auto path = find(key, options->files[i].path);
      if (!path) continue;
      auto contents = read_file(*path);
      if (!contents) {
        report(key, fmt::format("\"{}\" {}", path->string(), contents.error()));
        continue;
      }
      firmware->names.push_back(options->files[i].name);
      firmware->contents.push_back(std::move(*contents));
    }
    for (std::size_t i = 0; i < firmware->names.size(); ++i) {
      firmware->files.push_back({firmware->names[i], firmware->contents[i]});
    }
    backend.files = into_.firmware_.emplace_back(std::move(firmware))->files;
  }

  Backends& into_;
  const MachineConfig& config_;
  const ImageSearch& images_;
  NetworkSwitch::Clock clock_;
};

std::expected<std::unique_ptr<Backends>, std::vector<Diagnostic>> Backends::create(
    const MachineConfig& config, const ImageSearch& images, Choices& choices,
    NetworkSwitch::Clock clock) {
  std::unique_ptr<Backends> backends(new Backends(choices));
  Maker maker(*backends, config, images, std::move(clock));
  for (const VmFile& vm : config.vms) {
    for (std::size_t row = 0; row < vm.emu_devices.size(); ++row) maker.add(vm, row);
  }
  if (!maker.findings.empty()) return std::unexpected(std::move(maker.findings));
  return backends;
}

void Backends::for_each(
    const std::function<void(VmId, std::size_t, const DeviceBackend&)>& set) const {
  for (const Device& device : devices_) set(device.vm, device.row, device.backend);
}

bool Backends::has_frames() const {
  for (const auto& [name, network] : networks_) {
    if (network.between.has_frames()) return true;
  }
  return false;
}

void Backends::deliver_frames(const std::function<void(VmId)>& arrived) {
  for (auto& [name, network] : networks_) {
    network.between.deliver([&](std::size_t port) { arrived(network.owners[port]); });
  }
}

void Backends::describe(StateVisitor& visitor) {
  if (devices_.empty()) return;
  entropy_.describe(visitor);
  for (std::size_t i = 0; i < overlays_.size(); ++i) {
    visitor.enter("overlay", i);
    overlays_[i]->describe(visitor);
    visitor.leave();
  }
  std::size_t number = 0;
  for (auto& [name, network] : networks_) {
    visitor.enter("network", number++);
    network.between.describe(visitor);
    visitor.leave();
  }
}

}  // namespace axvm::hal_sim
