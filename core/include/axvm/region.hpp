#pragma once
// A range of guest-physical addresses that is backed by something.

#include <axvm/address.hpp>
#include <axvm/mapping.hpp>
#include <cstdint>
#include <string_view>

namespace axvm {

/// Where the memory of a region comes from, and who gives it back.
enum class Backing : std::uint8_t {
  Linear,       ///< host-physical addresses at a fixed distance, owned by somebody else
  Identical,    ///< host-physical = guest-physical, taken from the allocator and given back to it
  Reserved,     ///< host-physical = guest-physical, owned by somebody else
  Eager,        ///< single frames, all there from the start
  Lazy,         ///< single frames, each there once touched
  Passthrough,  ///< devices of the host at a fixed distance
};

/// The backing in lower case ("linear").
[[nodiscard]] std::string_view to_string(Backing backing) noexcept;

struct Region {
  GuestPhysRange range;
  HostPhysAddr hpa;  ///< of the first byte; not for Eager and Lazy
  MappingFlags flags = MappingFlags::None;
  Backing backing = Backing::Linear;
  /// The VMM may touch it as memory: it is RAM of the host, and no device for the guest.
  bool is_memory = true;

  [[nodiscard]] bool is_linear() const noexcept {
    return backing != Backing::Eager && backing != Backing::Lazy;
  }
  /// The region's share of `part`, which overlaps it.
  [[nodiscard]] Region clipped(GuestPhysRange part) const noexcept;
};

}  // namespace axvm
