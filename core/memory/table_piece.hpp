#pragma once
// Requests for tables, cut into what single entries stand for, and ranges put together from them.

#include <axvm/address.hpp>
#include <core/memory/page_table_format.hpp>
#include <cstddef>
#include <cstdint>

namespace axvm {

/// A request, or the part of it that one entry stands for, wholly or in part.
template <PageTableFormat Format>
struct TablePiece {
  using Shape = PageTableShape<Format>;

  GuestPhysAddr gpa;
  HostPhysAddr hpa;
  std::uint64_t size = 0;

  [[nodiscard]] GuestPhysRange range() const noexcept { return {gpa, size}; }
  /// Splits off the front.
  TablePiece take_bytes(std::uint64_t bytes) noexcept {
    const TablePiece piece{gpa, hpa, bytes};
    gpa = gpa + bytes;
    hpa = hpa + bytes;
    size -= bytes;
    return piece;
  }
  /// Splits off what the next entry of a table at `height` stands for.
  TablePiece take(unsigned height) noexcept {
    const std::uint64_t entry_size = Shape::entry_size(height);
    const std::uint64_t room = entry_size - (gpa.value & (entry_size - 1));
    return take_bytes(size < room ? size : room);
  }
  [[nodiscard]] bool fills_entry(unsigned height) const noexcept {
    return size == Shape::entry_size(height);
  }
  /// How many entries of one table at `height` the whole ones at the front are.
  [[nodiscard]] std::size_t entries(unsigned height) const noexcept {
    const std::size_t room = Shape::kEntries - Shape::index(gpa, height);
    const std::uint64_t wanted = size >> Shape::entry_shift(height);
    return wanted < room ? static_cast<std::size_t>(wanted) : room;
  }
  /// How many entries at the front can be leaves side by side in one table at `height`.
  [[nodiscard]] std::size_t leaves(unsigned height) const noexcept {
    const std::uint64_t entry_size = Shape::entry_size(height);
    if (height > Format::kMaxLeafHeight || size < entry_size || !gpa.is_aligned(entry_size) ||
        !hpa.is_aligned(entry_size)) {
      return 0;
    }
    return entries(height);
  }
  /// True when leaves of a table at `height` can be all of it, which is within one table.
  [[nodiscard]] bool fits_leaves(unsigned height) const noexcept {
    return leaves(height) << Shape::entry_shift(height) == size;
  }
};

/// The least range that holds all that was added in ascending order.
class RangeHull {
 public:
  void add(GuestPhysRange range) noexcept {
    if (end_ == GuestPhysAddr()) begin_ = range.base;
    end_ = range.end();
  }
  [[nodiscard]] bool empty() const noexcept { return end_ == GuestPhysAddr(); }
  [[nodiscard]] GuestPhysRange range() const noexcept { return {begin_, end_ - begin_}; }

 private:
  GuestPhysAddr begin_;
  GuestPhysAddr end_;
};

}  // namespace axvm
