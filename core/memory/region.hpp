#pragma once
// The ranges of a guest-physical address space that are backed by something.

#include <axvm/address.hpp>
#include <axvm/mapping.hpp>
#include <axvm/memory.hpp>
#include <axvm/region.hpp>
#include <axvm/result.hpp>
#include <axvm/state.hpp>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace axvm {

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
  /// Whether split(range) would succeed: each region that an end cuts through needs a free place.
  [[nodiscard]] bool can_split(GuestPhysRange range) const noexcept;
  /// Splits regions so that none lies across an end of `range`. Precondition: can_split.
  void split(GuestPhysRange range);
  /// Gives what the regions in `range` permit a new value. Precondition: none lies across an end.
  void permit(GuestPhysRange range, MappingFlags access);

  /// The region that holds `gpa`; null when none does.
  [[nodiscard]] const Region* find(GuestPhysAddr gpa) const noexcept;
  /// The first region that ends above `gpa`; null when none does.
  [[nodiscard]] const Region* first_after(GuestPhysAddr gpa) const noexcept;
  /// Where `size` bytes are free: the lowest address in `limit` that is not below `hint`.
  [[nodiscard]] std::optional<GuestPhysAddr> find_free(GuestPhysAddr hint, std::uint64_t size,
                                                       GuestPhysRange limit) const noexcept;
  /// True when regions of memory (not of devices) cover all of `range`; a range that wraps is none.
  [[nodiscard]] bool is_memory(GuestPhysRange range) const noexcept;

  [[nodiscard]] std::span<const Region> regions() const noexcept { return regions_.span(); }

  void describe(StateVisitor& visitor);

 private:
  explicit RegionList(Array<Region> regions) noexcept : regions_(std::move(regions)) {}
  /// The index of first_after(gpa), or size().
  [[nodiscard]] std::size_t index_after(GuestPhysAddr gpa) const noexcept;
  [[nodiscard]] bool cuts(GuestPhysAddr gpa) const noexcept;
  void split_at(GuestPhysAddr gpa);

  Array<Region> regions_;
};

}  // namespace axvm
