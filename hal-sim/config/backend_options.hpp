#pragma once
// The sub-tables of [sim] that say what is behind devices: [sim.disk.NAME], [sim.net.NAME] and
// [sim.fw_cfg.NAME], where NAME is that of a device among a VM's emu_devices.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace axvm::hal_sim {

/// What the guest finds on a virtio disk.
struct DiskOptions {
  std::string device;
  /// `file`: a raw image, of whole sectors of 512 bytes. Looked for as images are.
  std::optional<std::string> file{};
  /// `size`: of a disk of zeroes, bytes or "16M"; instead of a file.
  std::uint64_t size = 0;
  /// `read_only`: the guest cannot write.
  bool read_only = false;
  /// `overlay`: what the guest writes is kept in memory and is gone afterwards, so that every run
  /// finds the same disk. Without it, the file is written.
  bool overlay = true;

  friend bool operator==(const DiskOptions&, const DiskOptions&) = default;
};

/// Where the cable of a virtio network card ends.
struct NetworkOptions {
  std::string device;
  /// `switch`: cards that name the same one see each other.
  std::string network = "lan";
  /// `mac`: "52:54:00:12:34:56", first octet lowest. Default: 52:54:00:00, the VM's id, the
  /// device's row.
  std::optional<std::uint64_t> mac{};
  /// `pcap`: a file that gets every frame the card sends or receives, with guest time.
  std::optional<std::string> pcap{};

  friend bool operator==(const NetworkOptions&, const NetworkOptions&) = default;
};

/// A row of `files`: [name in the directory, file].
struct FirmwareFileRow {
  std::string name;
  std::string path;

  friend bool operator==(const FirmwareFileRow&, const FirmwareFileRow&) = default;
};

struct FirmwareOptions {
  std::string device;
  std::vector<FirmwareFileRow> files{};

  friend bool operator==(const FirmwareOptions&, const FirmwareOptions&) = default;
};

struct BackendOptions {
  std::vector<DiskOptions> disks;
  std::vector<NetworkOptions> networks;
  std::vector<FirmwareOptions> firmware;

  friend bool operator==(const BackendOptions&, const BackendOptions&) = default;
};

/// The element for the device of this name, or null.
template <class Options>
[[nodiscard]] const Options* options_for(const std::vector<Options>& all,
                                         const std::string& device) {
  for (const Options& options : all) {
    if (options.device == device) return &options;
  }
  return nullptr;
}

}  // namespace axvm::hal_sim
