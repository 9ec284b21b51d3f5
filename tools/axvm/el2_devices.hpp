#pragma once
// What is behind the devices of VMs at EL2: everything in memory.

#include <cstddef>
#include <cstdint>
#include <expected>
#include <hal-sim/config/machine_config.hpp>
#include <hal-sim/load/bytes.hpp>
#include <hal-sim/load/image.hpp>
#include <string>
#include <vector>

namespace axvm::tool {

/// As hal-el2/guest.hpp has them: `device` is a row of emu_devices.
struct El2Disk {
  std::size_t device = 0;
  hal_sim::Bytes contents{};  ///< of a disk with a file
  std::uint64_t size = 0;     ///< of the others: so many zeroes
  bool read_only = false;
};
struct El2Card {
  std::size_t device = 0;
  std::size_t network = 0;  ///< number of its switch
  std::uint64_t mac = 0;
};
struct El2File {
  std::string name;
  hal_sim::Bytes contents;
};
struct El2Files {
  std::size_t device = 0;
  std::vector<El2File> files{};
};
struct El2Devices {
  std::vector<El2Disk> disks;
  std::vector<El2Card> cards;
  std::vector<El2Files> firmware;
};

/// Of each VM, in order. Files are read. Errors: one line; also for what needs a host.
[[nodiscard]] std::expected<std::vector<El2Devices>, std::string> plan_el2_devices(
    const hal_sim::MachineConfig& config, const hal_sim::ImageSearch& images);

}  // namespace axvm::tool
