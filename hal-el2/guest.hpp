#pragma once
// The VM in an image: `axvm bare-metal` makes both constants from a configuration file, with the
// same parser that the simulation has.

#include <axvm/config.hpp>
#include <cstddef>
#include <cstdint>
#include <span>

namespace axvm::hal_el2 {

/// A run of guest memory: `bytes`, then zeroes up to `size`.
struct GuestPiece {
  GuestPhysAddr gpa{};
  std::span<const std::byte> bytes{};
  std::uint64_t size = 0;
};

extern const VmConfig kGuestConfig;
/// Whether the log has the core's events, and not only the guest's console.
extern const bool kTraced;
/// And what stage 2 maps (axvm::TablesChanged).
extern const bool kTablesTraced;
/// What the guest boots with.
extern const std::span<const GuestPiece> kGuestPieces;

}  // namespace axvm::hal_el2
