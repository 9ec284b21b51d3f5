#pragma once
// The ranges of a guest-physical address space that are backed by something.

#include <axvm/address.hpp>
#include <axvm/mapping.hpp>
#include <axvm/memory.hpp>
#include <axvm/result.hpp>
#include <cstddef>
#include <cstdint>

namespace axvm {

/// Where the memory of a region comes from, and who gives it back.
enum class Backing : std::uint8_t {
  Linear,     ///< host-physical addresses at a fixed distance, owned by somebody else
  Owned,      ///< the same, taken from the allocator as a range and given back to it
  Allocated,  ///< single frames, all there from the start
  Lazy,       ///< single frames, each there once touched
};

struct Region {
  GuestPhysRange range;
  HostPhysAddr hpa;  ///< of the first byte; Linear and Owned only
  MappingFlags flags = MappingFlags::None;
  Backing backing = Backing::Linear;

  [[nodiscard]] bool is_linear() const noexcept {
    return backing == Backing::Linear || backing == Backing::Owned;
  }
  /// True when the host may touch it as memory.
  [[nodiscard]] bool is_memory() const noexcept { return !has_all(flags, MappingFlags::Device); }
  /// The region's share of `part`, which overlaps it.
  [[nodiscard]] Region clipped(GuestPhysRange part) const noexcept;
};

/// Regions sorted by address, never overlapping, in a list of fixed capacity.
class RegionList {
 public:
  /// Errors: NoMemory.
  [[nodiscard]] static Result<RegionList> try_make(Allocator allocator, std::size_t capacity);

  /// Errors: AlreadyExists (overlaps a region), NoMemory (the list is full).
  Result<> add(const Region& region);
  /// Whether remove(range) would succeed: cutting the middle out of a region needs a free place.
  [[nodiscard]] bool can_remove(GuestPhysRange range) const noexcept;
  /// Removes `range` from every region, shortening and splitting them. Precondition: can_remove.
  void remove(GuestPhysRange range);

  /// The region that holds `gpa`; null when none does.
  [[nodiscard]] const Region* find(GuestPhysAddr gpa) const noexcept;
  /// The first region that ends above `gpa`; null when none does.
  [[nodiscard]] const Region* first_after(GuestPhysAddr gpa) const noexcept;
  /// True when regions of memory (not of devices) cover all of `range`; a range that wraps is none.
  [[nodiscard]] bool is_memory(GuestPhysRange range) const noexcept;

  [[nodiscard]] std::span<const Region> regions() const noexcept { return regions_.span(); }

 private:
  explicit RegionList(Array<Region> regions) noexcept : regions_(std::move(regions)) {}
  /// The index of first_after(gpa), or size().
  [[nodiscard]] std::size_t index_after(GuestPhysAddr gpa) const noexcept;

  Array<Region> regions_;
};

}  // namespace axvm
