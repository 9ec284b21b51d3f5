#pragma once
// The VMs in an image: `axvm bare-metal` makes these constants from configuration files, with the
// same parser that the simulation has.

#include <axvm/backend.hpp>
#include <axvm/config.hpp>
#include <cstddef>
#include <cstdint>
#include <span>

namespace axvm::hal_metal {

/// Bounds of an image, over which its configurations are not made.
inline constexpr std::size_t kMaxVms = 16;
inline constexpr std::size_t kMaxGuestCpus = 64;  ///< vCPUs of all VMs
inline constexpr std::size_t kMaxDisks = 16;

/// A run of guest memory: `bytes`, then zeroes up to `size`.
struct GuestPiece {
  GuestPhysAddr gpa{};
  std::span<const std::byte> bytes{};
  std::uint64_t size = 0;
};

// What is behind devices: `device` is a place in VmConfig::emulated_devices.

/// A disk, which the guest changes in memory unless it is `read_only`.
struct GuestDisk {
  std::size_t device = 0;
  std::span<std::byte> contents{};  ///< whole sectors of 512 bytes
  bool read_only = false;
};

/// A card: those of one `network` are on one switch.
struct GuestCard {
  std::size_t device = 0;
  std::size_t network = 0;
  std::uint64_t mac = 0;  ///< as DeviceBackend::mac
};

/// What is in a fw_cfg.
struct GuestFiles {
  std::size_t device = 0;
  std::span<const FirmwareFile> files{};
};

struct Guest {
  VmConfig config{};
  std::span<const GuestPiece> pieces{};  ///< what it boots with
  std::span<const GuestDisk> disks{};
  std::span<const GuestCard> cards{};
  std::span<const GuestFiles> files{};
};

/// 1 to kMaxVms of them.
extern const std::span<const Guest> kGuests;
/// Whether the log has the core's events, and not only the guests' consoles.
extern const bool kTraced;
/// And what stage 2 maps (axvm::TablesChanged).
extern const bool kTablesTraced;
/// How often guests may have their VMs reset, together; the next one that asks for it has failed.
extern const std::uint64_t kMaxResets;

}  // namespace axvm::hal_metal
