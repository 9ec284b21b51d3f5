#pragma once
// The tables of a PageTable and the entries in them: filled, cleared, counted, divided, joined.
// What a change means to guests is PageTable's business.

#include <axvm/address.hpp>
#include <axvm/mapping.hpp>
#include <axvm/result.hpp>
#include <axvm/state.hpp>
#include <core/memory/frames.hpp>
#include <core/memory/invalidation.hpp>
#include <core/memory/page_table_format.hpp>
#include <core/memory/table_piece.hpp>
#include <core/memory/table_reserve.hpp>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>

namespace axvm {

/// Each table but the root has a valid entry, and the entry that points to it knows how many: a
/// table is given up when its last entry goes, without a scan.
template <PageTableFormat Format, FrameMemory Memory, class Access>
class TableTree {
 public:
  using Entry = std::uint64_t;
  using Shape = PageTableShape<Format>;
  using Reserve = TableReserve<Format, Memory>;

  using Piece = TablePiece<Format>;

  /// An entry that is no table, where it is, and an address that it decides about.
  struct Place {
    Entry* slot = nullptr;
    Entry entry = Format::kInvalid;
    unsigned height = 0;
    GuestPhysAddr gpa;

    [[nodiscard]] std::uint64_t size() const noexcept { return Shape::entry_size(height); }
    [[nodiscard]] std::uint64_t offset() const noexcept { return gpa.value & (size() - 1); }
    [[nodiscard]] GuestPhysRange range() const noexcept { return {gpa - offset(), size()}; }
  };
  /// An entry of a table of pages, and the entry that points to the table.
  struct PagePlace {
    Entry* slot;
    Entry* parent;
    Entry parent_entry;
  };

  struct Removal {
    RangeHull stale;
    RetiredFrames retired;
  };

  /// What install() will find, or what clear() leaves for it.
  enum class Over : std::uint8_t {
    Nothing,  ///< the request maps free addresses; clear() removes all tables it can
    Old,      ///< it replaces what is there; tables that it needs stay
  };

  [[nodiscard]] static Result<TableTree> try_make(Memory& memory, PageTableGeometry geometry) {
    if (!Shape::is_valid(geometry)) {
      return fail(ErrorKind::InvalidInput, "create table"sv, "no table has this geometry"sv);
    }
    const std::optional<HostPhysAddr> root = allocate_block(memory, root_order(geometry));
    if (!root) return fail(ErrorKind::NoMemory, "create table"sv, "no frames for the root"sv);
    for (std::size_t i = 0; i < Shape::root_tables(geometry); ++i) {
      zero_table(memory, *root + i * Shape::kTableSize);
    }
    return TableTree(memory, geometry, *root);
  }
  TableTree(TableTree&& other) noexcept
      : memory_(other.memory_),
        geometry_(other.geometry_),
        root_(std::exchange(other.root_, std::nullopt)),
        window_(other.window_) {}
  TableTree& operator=(TableTree&&) = delete;
  ~TableTree() {
    if (root_) free_all();
  }

  [[nodiscard]] Memory& memory() const noexcept { return memory_; }
  [[nodiscard]] HostPhysAddr root() const noexcept { return *root_; }
  [[nodiscard]] PageTableGeometry geometry() const noexcept { return geometry_; }
  [[nodiscard]] std::uint64_t reach() const noexcept { return Shape::reach(geometry_); }

  void describe(StateVisitor& visitor) {
    std::uint64_t root = root_->value;
    visitor.field("root"sv, root);
    if (!visitor.restores()) return;
    window_.forget();
    const HostPhysAddr restored(root);
    if (restored.is_aligned(Shape::root_tables(geometry_) * Shape::kTableSize)) root_ = restored;
  }

  /// The entry that decides about `gpa`, which is below reach().
  [[nodiscard]] Place find(GuestPhysAddr gpa) const {
    Entry* slots = nullptr;
    if (window_.holds(gpa)) {
      slots = window_.slots();
    } else {
      slots = entries(*root_);
      for (unsigned height = top(); height > 1; --height) {
        Entry* const slot = slots + index(gpa, height);
        const Entry entry = Access::load(*slot);
        if (!Format::is_table(entry, height)) return {slot, entry, height, gpa};
        slots = entries(Format::address(entry));
      }
    }
    Entry* const slot = slots + (Format::kMinLevels > 2 ? Shape::index(gpa, 1) : index(gpa, 1));
    const Entry entry = Access::load(*slot);
    if (!Format::is_table(entry, 1)) return {slot, entry, 1, gpa};
    Entry* const page = entries(Format::address(entry)) + Shape::index(gpa, 0);
    return {page, Access::load(*page), 0, gpa};
  }

  /// The place of an aligned page in its table, when that is a matter of two loads.
  [[nodiscard]] std::optional<PagePlace> recent_page(GuestPhysAddr page) const {
    if (!window_.holds(page) || !page.is_aligned(Shape::kGranule)) return std::nullopt;
    Entry* const parent =
        window_.slots() + (Format::kMinLevels > 2 ? Shape::index(page, 1) : index(page, 1));
    const Entry entry = Access::load(*parent);
    if (!Format::is_table(entry, 1)) return std::nullopt;
    return PagePlace{entries(Format::address(entry)) + Shape::index(page, 0), parent, entry};
  }
  /// Makes pages near `gpa`, which is below reach(), recent ones.
  void note(GuestPhysAddr gpa) {
    if (Entry* const slots = find_window(gpa)) window_.set(gpa, slots);
  }
  /// Notes that the page's table has gained (1) or lost (-1) a valid entry.
  void count_page(const PagePlace& at, int change) const noexcept {
    recount(*at.parent, at.parent_entry, 1, change);
  }
  /// How many entries of the page's table are valid.
  [[nodiscard]] unsigned live_pages(const PagePlace& at) const noexcept {
    return live(*at.parent, at.parent_entry, 1);
  }

  /// Calls `f(first, n, height, base)` for each run of entries in `range` that are no tables: `n`
  /// neighbours, the first for `base`. Ends early, with false, when a call returns false.
  template <class F>
  bool visit(GuestPhysRange range, F&& f) const {
    bool go_on = true;
    scan(range, [&](Entry* first, std::size_t n, unsigned height, GuestPhysAddr base) {
      std::size_t run = 0;
      while (go_on && run < n && !Format::is_table(Access::load(first[run]), height)) ++run;
      if (run > 0) go_on = f(first, run, height, base);
      return go_on ? run : n;
    });
    return go_on;
  }
  /// The same in one pass: `n` neighbours may be tables, and `f` returns how many are before the
  /// first table.
  template <class F>
  void scan(GuestPhysRange range, F&& f) const {
    scan(entries(*root_), top(), {range.base, {}, range.size}, f);
  }

  /// How many tables install(request) needs that are not there; nothing when Over::Nothing and
  /// part of it is mapped.
  [[nodiscard]] std::optional<TableCount> missing_tables(Piece request, Over over) const {
    return missing_tables(entries(*root_), top(), request, over);
  }
  /// Maps the request, with tables from `reserve`. Precondition: missing_tables says it fits.
  void install(Piece request, MappingFlags flags, Reserve& reserve) {
    install(entries(*root_), top(), request, flags, reserve);
  }
  /// Unmaps the request's range, whose ends cut through no block.
  void clear(Piece request, Over over, Removal& removal) {
    clear(entries(*root_), top(), request, over, removal);
  }

  /// How many tables divided_leaf needs.
  template <class Divides>
  [[nodiscard]] static TableCount tables_to_divide(GuestPhysRange leaf, unsigned height,
                                                   const Divides& divides) {
    if (height == 0 || !divides(leaf)) return {};
    TableCount count = Reserve::one(height - 1);
    if (height == 1) return count;
    const std::uint64_t size = Shape::entry_size(height - 1);
    for (std::size_t i = 0; i < Shape::kEntries; ++i) {
      count += tables_to_divide({leaf.base + i * size, size}, height - 1, divides);
    }
    return count;
  }
  /// A table entry to put in the place of the leaf in `slot`, which maps `range`: the same mapping,
  /// by leaves none of which `divides` any more.
  template <class Divides>
  [[nodiscard]] Entry divided_leaf(Entry& slot, GuestPhysRange range, unsigned height,
                                   const Divides& divides, Reserve& reserve) const {
    const Entry entry = Access::load(slot);
    const HostPhysAddr table = reserve.take(height - 1);
    Entry* const slots = entries(table);
    const std::uint64_t size = Shape::entry_size(height - 1);
    fill(slots, Shape::kEntries, Format::address(entry), Format::flags(entry), height - 1);
    for (std::size_t i = 0; height > 1 && i < Shape::kEntries; ++i) {
      const GuestPhysRange part{range.base + i * size, size};
      if (!divides(part)) continue;
      Access::store(slots[i], divided_leaf(slots[i], part, height - 1, divides, reserve));
    }
    return counted_table(slot, table, height, Shape::kEntries);
  }

  /// Calls `replace(slot, block, range)` wherever a table inside `range` maps what one block can,
  /// from small to large; the call puts the block there and no CPU walks the table any more.
  template <class Replace>
  void join(GuestPhysRange range, const Replace& replace) {
    join(entries(*root_), top(), {range.base, {}, range.size}, replace);
  }

 private:
  /// The table at height 1 that was used last, to spare descents.
  class Window {
   public:
    [[nodiscard]] bool holds(GuestPhysAddr gpa) const noexcept { return number(gpa) == number_; }
    /// Precondition: it holds an address.
    [[nodiscard]] Entry* slots() const noexcept { return slots_; }
    void set(GuestPhysAddr gpa, Entry* slots) noexcept {
      number_ = number(gpa);
      slots_ = slots;
    }
    void forget() noexcept { number_ = kNone; }

   private:
    static constexpr std::uint64_t kNone = ~std::uint64_t{0};
    static std::uint64_t number(GuestPhysAddr gpa) noexcept {
      return gpa.value >> Shape::entry_shift(2);
    }
    std::uint64_t number_ = kNone;
    Entry* slots_ = nullptr;
  };

  TableTree(Memory& memory, PageTableGeometry geometry, HostPhysAddr root) noexcept
      : memory_(memory), geometry_(geometry), root_(root) {}

  [[nodiscard]] unsigned top() const noexcept { return geometry_.levels - 1; }
  [[nodiscard]] static unsigned root_order(PageTableGeometry geometry) noexcept {
    unsigned order = Shape::order(geometry.levels - 1);
    for (std::size_t n = Shape::root_tables(geometry); n > 1; n /= 2) ++order;
    return order;
  }
  static void zero_table(Memory& memory, HostPhysAddr table) {
    for (std::size_t at = 0; at < Shape::kTableSize; at += kPageSize) {
      zero_frame(memory, table + at);
    }
  }

  /// How many entries of the table that `entry`, in `slot` of a table at `height`, points to are
  /// valid.
  [[nodiscard]] unsigned live(Entry& slot, Entry entry, unsigned height) const noexcept {
    if constexpr (Shape::kCountsBeside) {
      return static_cast<unsigned>(*count_of(slot, height));
    } else {
      return Format::live(entry);
    }
  }
  void recount(Entry& slot, Entry entry, unsigned height, int change) const noexcept {
    if constexpr (Shape::kCountsBeside) {
      *count_of(slot, height) += static_cast<Entry>(change);
    } else {
      Access::store(slot, Format::recounted(entry, change));
    }
  }
  /// An entry for `slot` that points to a table with `n` valid entries.
  [[nodiscard]] Entry counted_table(Entry& slot, HostPhysAddr table, unsigned height,
                                    unsigned n) const noexcept {
    if constexpr (Shape::kCountsBeside) *count_of(slot, height) = n;
    return Format::table(table, n);
  }
  /// Only software reads it.
  [[nodiscard]] Entry* count_of(Entry& slot, unsigned height) const noexcept {
    return &slot + Shape::kEntries * (height == top() ? Shape::root_tables(geometry_) : 1);
  }

  [[nodiscard]] Entry* entries(HostPhysAddr table) const { return frame_as<Entry>(memory_, table); }
  /// Concatenated root tables count on.
  [[nodiscard]] std::size_t index(GuestPhysAddr gpa, unsigned height) const noexcept {
    return height == top() ? gpa.value >> Shape::entry_shift(height) : Shape::index(gpa, height);
  }
  /// `n` leaves side by side in a table at `height`, to memory from `to` on.
  static void fill(Entry* slots, std::size_t n, HostPhysAddr to, MappingFlags flags,
                   unsigned height) noexcept {
    const Entry attributes = Format::leaf(HostPhysAddr(0), flags, height);
    const std::uint64_t size = Shape::entry_size(height);
    for (std::size_t i = 0; i < n; ++i) {
      Access::store(slots[i], attributes | Format::place(to + i * size));
    }
  }

  [[nodiscard]] Entry* find_window(GuestPhysAddr gpa) const {
    Entry* slots = entries(*root_);
    for (unsigned height = top(); height > 1; --height) {
      const Entry entry = Access::load(slots[index(gpa, height)]);
      if (!Format::is_table(entry, height)) return nullptr;
      slots = entries(Format::address(entry));
    }
    return slots;
  }

  template <class F>
  void scan(Entry* slots, unsigned height, Piece request, F& f) const {
    while (request.size > 0) {
      const unsigned shift = Shape::entry_shift(height);
      const GuestPhysAddr base = request.gpa.align_down(Shape::entry_size(height));
      const std::uint64_t last = request.gpa.value + request.size - 1;
      const auto count = static_cast<std::size_t>((last >> shift) - (base.value >> shift)) + 1;
      Entry* const first = slots + index(request.gpa, height);
      if (const std::size_t n = f(first, count, height, base); n > 0) {
        const std::uint64_t seen = (base + (n << shift)) - request.gpa;
        request.take_bytes(seen < request.size ? seen : request.size);
        continue;
      }
      const HostPhysAddr below = Format::address(Access::load(*first));
      scan(entries(below), height - 1, request.take(height), f);
    }
  }

  /// `slots` is null when the table is itself missing.
  [[nodiscard]] std::optional<TableCount> missing_tables(Entry* slots, unsigned height,
                                                         Piece request, Over over) const {
    TableCount missing;
    if (slots == nullptr && (height == 0 || request.fits_leaves(height))) return missing;
    while (request.size > 0) {
      Entry* const slot = slots == nullptr ? nullptr : slots + index(request.gpa, height);
      const Piece piece = request.take(height);
      const Entry entry = slot == nullptr ? Format::kInvalid : Access::load(*slot);
      const bool fits = piece.leaves(height) == 1;
      if (over == Over::Nothing && Format::is_valid(entry) &&
          (fits || Format::is_leaf(entry, height))) {
        return std::nullopt;
      }
      if (fits) continue;
      Entry* below = nullptr;
      if (Format::is_table(entry, height)) {
        below = entries(Format::address(entry));
      } else {
        missing += Reserve::one(height - 1);
      }
      const std::optional<TableCount> more = missing_tables(below, height - 1, piece, over);
      if (!more) return std::nullopt;
      missing += *more;
    }
    return missing;
  }
  /// Returns how many entries became valid.
  unsigned install(Entry* slots, unsigned height, Piece request, MappingFlags flags,
                   Reserve& reserve) {
    unsigned added = 0;
    while (request.size > 0) {
      Entry* const slot = slots + index(request.gpa, height);
      if (const std::size_t n = request.leaves(height); n > 0) {
        fill(slot, n, request.hpa, flags, height);
        request.take_bytes(n << Shape::entry_shift(height));
        added += static_cast<unsigned>(n);
        continue;
      }
      const Piece piece = request.take(height);
      const Entry entry = Access::load(*slot);
      if (Format::is_valid(entry)) {
        Entry* const below = entries(Format::address(entry));
        const unsigned more = install(below, height - 1, piece, flags, reserve);
        recount(*slot, entry, height, static_cast<int>(more));
      } else {
        const HostPhysAddr table = reserve.take(height - 1);
        if (piece.leaves(height - 1) != Shape::kEntries) zero_table(memory_, table);
        const unsigned live = install(entries(table), height - 1, piece, flags, reserve);
        Access::publish(*slot, counted_table(*slot, table, height, live));
        ++added;
      }
    }
    return added;
  }

  /// Returns how many entries became invalid.
  unsigned clear(Entry* slots, unsigned height, Piece request, Over over, Removal& removal) {
    if (height == 0) return clear_pages(slots, request.range(), removal);
    unsigned removed = 0;
    while (request.size > 0) {
      Entry* const slot = slots + index(request.gpa, height);
      const Piece piece = request.take(height);
      const Entry entry = Access::load(*slot);
      if (!Format::is_valid(entry)) continue;
      const bool whole =
          over == Over::Nothing ? piece.fills_entry(height) : piece.leaves(height) == 1;
      if (whole || Format::is_leaf(entry, height)) {
        Access::store(*slot, Format::kInvalid);
        ++removed;
        removal.stale.add(piece.range());
        if (!Format::is_leaf(entry, height)) retire(Format::address(entry), height - 1, removal);
        continue;
      }
      const HostPhysAddr table = Format::address(entry);
      const unsigned gone = clear(entries(table), height - 1, piece, over, removal);
      if (gone == live(*slot, entry, height) && over == Over::Nothing) {
        Access::store(*slot, Format::kInvalid);
        ++removed;
        retire_one(table, height - 1, removal);
      } else {
        recount(*slot, entry, height, -static_cast<int>(gone));
      }
    }
    return removed;
  }
  unsigned clear_pages(Entry* slots, GuestPhysRange range, Removal& removal) {
    Entry* const first = slots + Shape::index(range.base, 0);
    const std::size_t n = Piece{range.base, {}, range.size}.entries(0);
    unsigned removed = 0;
    std::size_t last = 0;
    for (std::size_t i = 0; i < n; ++i) {
      if (!Format::is_valid(Access::load(first[i]))) continue;
      if (removed == 0) removal.stale.add({range.base + i * Shape::kGranule, Shape::kGranule});
      Access::store(first[i], Format::kInvalid);
      ++removed;
      last = i;
    }
    if (removed > 0) {
      removal.stale.add({range.base + last * Shape::kGranule, Shape::kGranule});
    }
    return removed;
  }

  /// Nothing leads to this table any more; those below it go with it.
  void retire(HostPhysAddr table, unsigned height, Removal& removal) {
    for_each_table(table, height, [&](HostPhysAddr below) { retire(below, height - 1, removal); });
    retire_one(table, height, removal);
  }
  void retire_one(HostPhysAddr table, unsigned height, Removal& removal) {
    if (height == 1) window_.forget();
    removal.retired.push(memory_, {table, Shape::order(height)});
  }

  template <class Replace>
  void join(Entry* slots, unsigned height, Piece request, const Replace& replace) {
    while (height > 0 && request.size > 0) {
      Entry* const slot = slots + index(request.gpa, height);
      const Piece piece = request.take(height);
      const Entry entry = Access::load(*slot);
      if (!Format::is_table(entry, height)) continue;
      const HostPhysAddr table = Format::address(entry);
      join(entries(table), height - 1, piece, replace);
      if (!piece.fills_entry(height) || live(*slot, entry, height) != Shape::kEntries) continue;
      const std::optional<Entry> block = as_block(entries(table), height);
      if (!block) continue;
      replace(*slot, *block, piece.range());
      if (height == 2) window_.forget();
      deallocate_block(memory_, table, Shape::order(height - 1));
    }
  }
  /// The leaf at `height` that maps what a full table below maps, if one can.
  [[nodiscard]] std::optional<Entry> as_block(Entry* slots, unsigned height) const {
    const Entry first = Access::load(slots[0]);
    if (height > Format::kMaxLeafHeight || !Format::is_leaf(first, height - 1) ||
        !Format::address(first).is_aligned(Shape::entry_size(height))) {
      return std::nullopt;
    }
    const HostPhysAddr to = Format::address(first);
    const Entry attributes = first & ~Format::kAddressBits;
    for (std::size_t i = 1; i < Shape::kEntries; ++i) {
      const Entry wanted = attributes | Format::place(to + i * Shape::entry_size(height - 1));
      if (Access::load(slots[i]) != wanted) return std::nullopt;
    }
    return Format::leaf(to, Format::flags(first), height);
  }

  template <class F>
  void for_each_table(HostPhysAddr table, unsigned height, F&& f) {
    if (height == 0) return;
    for (std::size_t i = 0; i < Shape::kEntries; ++i) {
      const Entry entry = Access::load(entries(table)[i]);
      if (Format::is_table(entry, height)) f(Format::address(entry));
    }
  }
  void free_below(HostPhysAddr table, unsigned height) {
    for_each_table(table, height, [&](HostPhysAddr below) {
      free_below(below, height - 1);
      deallocate_block(memory_, below, Shape::order(height - 1));
    });
  }
  void free_all() {
    for (std::size_t i = 0; i < Shape::root_tables(geometry_); ++i) {
      free_below(*root_ + i * Shape::kTableSize, top());
    }
    deallocate_block(memory_, *root_, root_order(geometry_));
  }

  Memory& memory_;
  PageTableGeometry geometry_;
  std::optional<HostPhysAddr> root_;
  Window window_;
};

}  // namespace axvm
