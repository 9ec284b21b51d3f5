#pragma once
// Translation tables of any format: map, unmap, look up. One template; the format says what an
// entry looks like, the memory says where tables live.

#include <atomic>
#include <axvm/address.hpp>
#include <axvm/mapping.hpp>
#include <axvm/result.hpp>
#include <core/memory/frames.hpp>
#include <core/memory/invalidation.hpp>
#include <core/memory/page_table_format.hpp>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>

namespace axvm {

/// A change either happens as a whole or not at all: every table it needs is set aside before the
/// first entry is written. A hardware walker that reads the table meanwhile sees, for each address,
/// the old mapping, the new one, or (while a block is split) none.
///
/// Tables that become empty stay, and are used again; all are freed with the PageTable.
template <PageTableFormat Format, FrameMemory Memory>
class PageTable {
  using Entry = std::uint64_t;
  using Shape = PageTableShape<Format>;

 public:
  struct Leaf {
    HostPhysAddr hpa;  ///< where the slot's first byte is
    MappingFlags flags = MappingFlags::None;
  };
  /// The entry that decides about an address: its range, and the leaf unless it maps nothing.
  struct Slot {
    GuestPhysRange range;
    std::optional<Leaf> leaf;
  };

  /// Allocates the root. Errors: NoMemory.
  [[nodiscard]] static Result<PageTable> try_make(Memory& memory, PageTableGeometry geometry) {
    const std::optional<HostPhysAddr> root = memory.allocate_frame();
    if (!root) return fail(ErrorKind::NoMemory, "create table"sv, "no frame for the root"sv);
    zero_frame(memory, *root);
    return PageTable(memory, geometry, *root);
  }
  PageTable(PageTable&& other) noexcept
      : memory_(other.memory_),
        geometry_(other.geometry_),
        root_(std::exchange(other.root_, std::nullopt)) {}
  PageTable& operator=(PageTable&&) = delete;
  /// No CPU may be able to walk the table any more.
  ~PageTable() {
    if (root_) free_tables(*root_, top());
  }

  [[nodiscard]] HostPhysAddr root() const noexcept { return *root_; }
  [[nodiscard]] PageTableGeometry geometry() const noexcept { return geometry_; }
  /// The first guest-physical address that the table cannot translate.
  [[nodiscard]] std::uint64_t reach() const noexcept { return Shape::reach(geometry_); }

  /// Maps `range` to host-physical memory from `hpa` on, with the largest leaves that the common
  /// alignment admits. Errors: InvalidInput (empty, not 4 KiB aligned, beyond reach, no access,
  /// host addresses that no entry can hold), AlreadyExists (part of it is mapped), NoMemory.
  Result<Invalidation> map(GuestPhysRange range, HostPhysAddr hpa, MappingFlags flags) {
    if (auto checked = check("map"sv, range); !checked) return std::unexpected(checked.error());
    if (!hpa.is_aligned(kPageSize) || range.size > Format::kOutputLimit ||
        hpa.value > Format::kOutputLimit - range.size) {
      return fail(ErrorKind::InvalidInput, "map"sv, "host address is unaligned or too large"sv);
    }
    if (!has_any(flags, kReadWriteExecute)) {
      return fail(ErrorKind::InvalidInput, "map"sv, "a mapping must permit some access"sv);
    }
    const Piece request{range.base, hpa, range.size};
    const std::optional<std::size_t> missing = missing_tables(root_, top(), request);
    if (!missing) return fail(ErrorKind::AlreadyExists, "map"sv, "part of the range is mapped"sv);
    auto reserve = FrameReserve<Memory>::try_make(memory_, *missing);
    if (!reserve) return std::unexpected(reserve.error());
    install(*root_, top(), request, flags, *reserve);
    return Invalidation();
  }

  /// Replaces blocks that reach across `gpa` by smaller leaves, so that none does. What is mapped
  /// stays the same, also on failure; each block is replaced by break-before-make (DDI 0487
  /// D8.16.1), so guests may fault on it meanwhile. Errors: NoMemory.
  template <TranslationCache Tlb>
  Result<> split_at(GuestPhysAddr gpa, Tlb& tlb) {
    HostPhysAddr table = *root_;
    for (unsigned height = top(); gpa.value < reach(); --height) {
      const GuestPhysAddr base = gpa.align_down(Shape::entry_size(height));
      if (base == gpa) break;
      Entry& slot = entries(table)[Shape::index(gpa, height)];
      if (!Format::is_valid(load(slot))) break;
      if (Format::is_leaf(load(slot), height)) {
        auto smaller = divided(load(slot), base, height - 1);
        if (!smaller) return std::unexpected(smaller.error());
        store(slot, Format::kInvalid);
        tlb.invalidate({base, Shape::entry_size(height)});
        store(slot, Format::table(*smaller));
      }
      table = Format::address(load(slot));
    }
    return {};
  }

  /// Unmaps whatever is mapped in `range`, splitting blocks at its ends. Errors: InvalidInput
  /// (empty, not 4 KiB aligned, beyond reach), NoMemory (to split).
  template <TranslationCache Tlb>
  Result<Invalidation> unmap(GuestPhysRange range, Tlb& tlb) {
    if (auto checked = check("unmap"sv, range); !checked) return std::unexpected(checked.error());
    for (const GuestPhysAddr edge : {range.base, range.end()}) {
      if (auto split = split_at(edge, tlb); !split) return std::unexpected(split.error());
    }
    return unmap_leaves(range);
  }

  /// Unmaps whatever is mapped in `range`, a valid one whose ends cut through no block.
  Invalidation unmap_leaves(GuestPhysRange range) {
    const bool removed = remove(*root_, top(), {range.base, {}, range.size});
    return removed ? Invalidation(range) : Invalidation();
  }

  /// The slot that holds `gpa`. Beyond reach, all that follows is one slot that maps nothing.
  [[nodiscard]] Slot lookup(GuestPhysAddr gpa) const {
    if (gpa.value >= reach()) return {{GuestPhysAddr(reach()), 0 - reach()}, std::nullopt};
    HostPhysAddr table = *root_;
    for (unsigned height = top();; --height) {
      const Entry entry = load(entries(table)[Shape::index(gpa, height)]);
      const std::uint64_t size = Shape::entry_size(height);
      const GuestPhysRange range{gpa.align_down(size), size};
      if (!Format::is_valid(entry)) return {range, std::nullopt};
      if (Format::is_leaf(entry, height)) {
        return {range, Leaf{Format::address(entry), Format::flags(entry)}};
      }
      table = Format::address(entry);
    }
  }

 private:
  /// Part of a request that one entry stands for, wholly or in part.
  struct Piece {
    GuestPhysAddr gpa;
    HostPhysAddr hpa;
    std::uint64_t size = 0;

    /// Splits off what the next entry of a table at `height` stands for.
    Piece take(unsigned height) noexcept {
      const std::uint64_t entry_size = Shape::entry_size(height);
      const std::uint64_t room = entry_size - (gpa.value & (entry_size - 1));
      const Piece piece{gpa, hpa, size < room ? size : room};
      gpa = gpa + piece.size;
      hpa = hpa + piece.size;
      size -= piece.size;
      return piece;
    }
    [[nodiscard]] bool fills_entry(unsigned height) const noexcept {
      return size == Shape::entry_size(height);
    }
    [[nodiscard]] bool fits_leaf(unsigned height) const noexcept {
      return height <= Format::kMaxLeafHeight && fills_entry(height) &&
             hpa.is_aligned(Shape::entry_size(height));
    }
  };

  PageTable(Memory& memory, PageTableGeometry geometry, HostPhysAddr root) noexcept
      : memory_(memory), geometry_(geometry), root_(root) {}

  [[nodiscard]] unsigned top() const noexcept { return geometry_.levels - 1; }
  [[nodiscard]] Entry* entries(HostPhysAddr table) const { return frame_as<Entry>(memory_, table); }
  [[nodiscard]] static Entry load(Entry& entry) noexcept {
    return std::atomic_ref(entry).load(std::memory_order_relaxed);
  }
  /// Release: a walker that finds a table finds what has been written to it.
  static void store(Entry& entry, Entry value) noexcept {
    std::atomic_ref(entry).store(value, std::memory_order_release);
  }

  Result<> check(std::string_view operation, GuestPhysRange range) const {
    if (range.size == 0 || !range.base.is_aligned(kPageSize) || range.size % kPageSize != 0) {
      return fail(ErrorKind::InvalidInput, operation, "range is empty or not 4 KiB aligned"sv);
    }
    if (range.size > reach() || range.base.value > reach() - range.size) {
      return fail(ErrorKind::InvalidInput, operation, "range is beyond the guest address space"sv);
    }
    return {};
  }

  /// How many tables `request` needs that are not there; nothing when part of it is mapped.
  /// `table` is nothing when it is itself missing.
  [[nodiscard]] std::optional<std::size_t> missing_tables(std::optional<HostPhysAddr> table,
                                                          unsigned height, Piece request) const {
    std::size_t missing = 0;
    if (!table && height == 0) return missing;
    while (request.size > 0) {
      const Piece piece = request.take(height);
      const Entry entry =
          table ? load(entries(*table)[Shape::index(piece.gpa, height)]) : Format::kInvalid;
      std::optional<HostPhysAddr> below;
      if (Format::is_valid(entry)) {
        if (Format::is_leaf(entry, height)) return std::nullopt;
        below = Format::address(entry);
      } else {
        if (piece.fits_leaf(height)) continue;
        ++missing;
      }
      const std::optional<std::size_t> more = missing_tables(below, height - 1, piece);
      if (!more) return std::nullopt;
      missing += *more;
    }
    return missing;
  }

  void install(HostPhysAddr table, unsigned height, Piece request, MappingFlags flags,
               FrameReserve<Memory>& reserve) {
    while (request.size > 0) {
      const Piece piece = request.take(height);
      Entry& slot = entries(table)[Shape::index(piece.gpa, height)];
      const Entry entry = load(slot);
      if (Format::is_valid(entry)) {
        install(Format::address(entry), height - 1, piece, flags, reserve);
      } else if (piece.fits_leaf(height)) {
        store(slot, Format::leaf(piece.hpa, flags, height));
      } else {
        const HostPhysAddr next = reserve.take();
        install(next, height - 1, piece, flags, reserve);
        store(slot, Format::table(next));
      }
    }
  }

  /// A new table at `height` whose leaves map what `block`, one level above, maps at `base`.
  Result<HostPhysAddr> divided(Entry block, GuestPhysAddr base, unsigned height) {
    auto reserve = FrameReserve<Memory>::try_make(memory_, 1);
    if (!reserve) return std::unexpected(reserve.error());
    const HostPhysAddr table = reserve->take();
    const Piece whole{base, Format::address(block), Shape::entry_size(height + 1)};
    install(table, height, whole, Format::flags(block), *reserve);
    return table;
  }

  /// True when something was unmapped.
  bool remove(HostPhysAddr table, unsigned height, Piece request) {
    bool removed = false;
    while (request.size > 0) {
      const Piece piece = request.take(height);
      Entry& slot = entries(table)[Shape::index(piece.gpa, height)];
      const Entry entry = load(slot);
      if (!Format::is_valid(entry)) continue;
      if (Format::is_leaf(entry, height)) {
        store(slot, Format::kInvalid);
        removed = true;
      } else {
        removed |= remove(Format::address(entry), height - 1, piece);
      }
    }
    return removed;
  }

  void free_tables(HostPhysAddr table, unsigned height) {
    if (height > 0) {
      for (std::size_t i = 0; i < Shape::kEntries; ++i) {
        const Entry entry = load(entries(table)[i]);
        if (Format::is_valid(entry) && !Format::is_leaf(entry, height)) {
          free_tables(Format::address(entry), height - 1);
        }
      }
    }
    memory_.deallocate_frame(table);
  }

  Memory& memory_;
  PageTableGeometry geometry_;
  std::optional<HostPhysAddr> root_;
};

}  // namespace axvm
