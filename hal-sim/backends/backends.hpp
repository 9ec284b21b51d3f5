#pragma once
// Everything that is behind the emulated devices of a host's VMs.

#include <axvm/address.hpp>
#include <axvm/backend.hpp>
#include <axvm/state.hpp>
#include <expected>
#include <filesystem>
#include <functional>
#include <hal-sim/backends/network_switch.hpp>
#include <hal-sim/backends/overlay_store.hpp>
#include <hal-sim/backends/seeded_entropy.hpp>
#include <hal-sim/config/diagnostic.hpp>
#include <hal-sim/config/machine_config.hpp>
#include <hal-sim/load/bytes.hpp>
#include <hal-sim/load/image.hpp>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace axvm::hal_sim {

/// The MAC address of a card for which the configuration names none; `row` is that of the device in
/// emu_devices.
[[nodiscard]] std::uint64_t default_mac(std::uint32_t vm, std::size_t row);

/// A file named by a key of [sim], where images are looked for. Errors: what is wrong, and where.
[[nodiscard]] std::expected<std::filesystem::path, Diagnostic> find_backend_file(
    const MachineConfig& config, const ImageSearch& images, std::string key,
    const std::string& name);

/// What is wrong with a key of [sim]; the file is the one that has it.
[[nodiscard]] Diagnostic backend_diagnostic(const MachineConfig& config, std::string key,
                                            std::string what);

class Backends {
 public:
  /// Opens what the configuration names. `choices` and what `clock` refers to outlive it. The
  /// findings name the files' lines.
  [[nodiscard]] static std::expected<std::unique_ptr<Backends>, std::vector<Diagnostic>> create(
      const MachineConfig& config, const ImageSearch& images, Choices& choices,
      NetworkSwitch::Clock clock);
  Backends(const Backends&) = delete;
  Backends& operator=(const Backends&) = delete;

  /// Calls `set(vm, device, backend)` for each device with something behind it; `device` is its
  /// row in emu_devices.
  void for_each(const std::function<void(VmId, std::size_t, const DeviceBackend&)>& set) const;

  /// Whether frames wait in some switch.
  [[nodiscard]] bool has_frames() const;
  /// Delivers them, and calls `arrived(vm)` for each card that has got some.
  void deliver_frames(const std::function<void(VmId)>& arrived);

  void describe(StateVisitor& visitor);
  /// A disk whose contents are not part of the state, since it is written in its file: its name.
  [[nodiscard]] const std::optional<std::string>& written_in_place() const noexcept {
    return written_in_place_;
  }

 private:
  struct Network {
    explicit Network(NetworkSwitch::Clock clock) : between(std::move(clock)) {}
    NetworkSwitch between;
    std::vector<VmId> owners;  ///< of its ports
  };
  struct Firmware {
    std::vector<std::string> names;
    std::vector<Bytes> contents;
    std::vector<FirmwareFile> files;
  };
  struct Device {
    VmId vm;
    std::size_t row = 0;
    DeviceBackend backend;
  };
  class Maker;

  explicit Backends(Choices& choices) : entropy_(choices) {}

  SeededEntropy entropy_;
  std::vector<std::unique_ptr<OverlayStore>> overlays_;
  std::vector<std::shared_ptr<BlockStore>> stores_;
  std::map<std::string, Network> networks_;
  std::vector<std::unique_ptr<Firmware>> firmware_;
  std::vector<Device> devices_;
  std::optional<std::string> written_in_place_;
};

}  // namespace axvm::hal_sim
