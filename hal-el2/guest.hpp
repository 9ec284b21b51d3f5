#pragma once
// The VMs in an image: `axvm bare-metal` makes these constants from configuration files, with the
// same parser that the simulation has.

#include <axvm/config.hpp>
#include <cstddef>
#include <cstdint>
#include <span>

namespace axvm::hal_el2 {

/// Bounds of an image, over which its configurations are not made.
inline constexpr std::size_t kMaxVms = 16;
inline constexpr std::size_t kMaxGuestCpus = 64;  ///< vCPUs of all VMs

/// A run of guest memory: `bytes`, then zeroes up to `size`.
struct GuestPiece {
  GuestPhysAddr gpa{};
  std::span<const std::byte> bytes{};
  std::uint64_t size = 0;
};

struct Guest {
  VmConfig config{};
  std::span<const GuestPiece> pieces{};  ///< what it boots with
};

/// 1 to kMaxVms of them.
extern const std::span<const Guest> kGuests;
/// Whether the log has the core's events, and not only the guests' consoles.
extern const bool kTraced;

}  // namespace axvm::hal_el2
