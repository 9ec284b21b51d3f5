#pragma once
// What is behind the devices of VMs on bare metal: everything in memory.

#include <cstddef>
#include <cstdint>
#include <expected>
#include <hal-sim/config/machine_config.hpp>
#include <hal-sim/load/bytes.hpp>
#include <hal-sim/load/image.hpp>
#include <string>
#include <vector>

namespace axvm::tool {

/// As hal-metal/guest.hpp has them: `device` is a row of emu_devices.
struct MetalDisk {
  std::size_t device = 0;
  hal_sim::Bytes contents{};  ///< of a disk with a file
  std::uint64_t size = 0;     ///< of the others: so many zeroes
  bool read_only = false;
};
struct MetalCard {
  std::size_t device = 0;
  std::size_t network = 0;  ///< number of its switch
  std::uint64_t mac = 0;
};
struct MetalFile {
  std::string name;
  hal_sim::Bytes contents;
};
struct MetalFiles {
  std::size_t device = 0;
  std::vector<MetalFile> files{};
};
struct MetalDevices {
  std::vector<MetalDisk> disks;
  std::vector<MetalCard> cards;
  std::vector<MetalFiles> firmware;
};

/// Of each VM, in order. Files are read. Errors: one line; also for what needs a host.
[[nodiscard]] std::expected<std::vector<MetalDevices>, std::string> plan_metal_devices(
    const hal_sim::MachineConfig& config, const hal_sim::ImageSearch& images);

}  // namespace axvm::tool
