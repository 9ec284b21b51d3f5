#pragma once
// Translation tables of any format: map, unmap, protect, remap, look up. One template; the format
// says what an entry looks like, the memory says where tables live.

#include <array>
#include <axvm/address.hpp>
#include <axvm/mapping.hpp>
#include <axvm/result.hpp>
#include <axvm/state.hpp>
#include <concepts>
#include <core/memory/frames.hpp>
#include <core/memory/invalidation.hpp>
#include <core/memory/page_table_format.hpp>
#include <core/memory/table_entries.hpp>
#include <core/memory/table_piece.hpp>
#include <core/memory/table_tree.hpp>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <utility>

namespace axvm {

/// A change either happens as a whole or not at all: every table it needs is set aside before the
/// first entry is written. A hardware walker that reads the tables meanwhile sees, for each
/// address, the old mapping, the new one, or none. None is seen where the architecture demands
/// break-before-make, in blocks that are split or merged and in leaves that change their address
/// or memory type; guests may fault there until the call returns.
///
/// Tables that become empty are given back once the Invalidation is flushed. Not synchronised: one
/// change at a time, and no look-up meanwhile.
template <PageTableFormat Format, FrameMemory Memory, class Access = AtomicEntries>
class PageTable {
  using Tree = TableTree<Format, Memory, Access>;
  using Entry = typename Tree::Entry;
  using Shape = PageTableShape<Format>;
  using Over = typename Tree::Over;

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
  /// Where one address leads.
  struct Mapping {
    HostPhysAddr hpa;  ///< of that very byte
    MappingFlags flags = MappingFlags::None;
    std::uint64_t page_size = 0;  ///< of the leaf
  };

  /// Allocates the root: one frame, or as many contiguous ones as the geometry concatenates.
  /// Errors: InvalidInput (the format has no such geometry), NoMemory.
  [[nodiscard]] static Result<PageTable> try_make(Memory& memory, PageTableGeometry geometry) {
    auto tree = Tree::try_make(memory, geometry);
    if (!tree) return std::unexpected(tree.error());
    return PageTable(std::move(*tree));
  }
  // The destructor gives all tables back: no CPU may be able to walk them any more.

  [[nodiscard]] HostPhysAddr root() const noexcept { return tree_.root(); }
  [[nodiscard]] PageTableGeometry geometry() const noexcept { return tree_.geometry(); }
  /// The first guest-physical address that the table cannot translate.
  [[nodiscard]] std::uint64_t reach() const noexcept { return tree_.reach(); }

  /// From now on leaves say nothing of `types`, Device or Uncached: the hardware does not know
  /// them.
  void omit(MappingFlags types) noexcept { omitted_ = types; }

  /// Grows whenever what is mapped may have changed.
  [[nodiscard]] std::uint64_t changes() const noexcept { return changes_; }

  /// Where the table is; its entries are in RAM.
  void describe(StateVisitor& visitor) { tree_.describe(visitor); }

  /// Maps `range` to host-physical memory from `hpa` on, with the largest leaves that the common
  /// alignment admits. Errors: InvalidInput (empty, not whole pages, beyond reach, no access,
  /// host addresses that no entry can hold), AlreadyExists (part of it is mapped), NoMemory.
  Result<Publication> map(GuestPhysRange range, HostPhysAddr hpa, MappingFlags flags) {
    ++changes_;
    flags = flags & ~omitted_;
    if (range.size == Shape::kGranule && is_target(hpa, Shape::kGranule) &&
        has_any(flags, kReadWriteExecute)) {
      if (const auto page = tree_.recent_page(range.base)) {
        if (Format::is_valid(Access::load(*page->slot))) return already_mapped();
        Access::store(*page->slot, Format::leaf(hpa, flags, 0));
        tree_.count_page(*page, 1);
        return Publication();
      }
    }
    return map_range(range, hpa, flags);
  }

  /// Unmaps whatever is mapped in `range`, splitting blocks at its ends. Errors: InvalidInput
  /// (empty, not whole pages, beyond reach), NoMemory (to split).
  template <TranslationCache Tlb>
  Result<Invalidation> unmap(GuestPhysRange range, Tlb& tlb) {
    ++changes_;
    if (range.size == Shape::kGranule) {
      if (auto changed = unmap_recent(range)) return std::move(*changed);
    }
    if (auto checked = check("unmap"sv, range); !checked) return std::unexpected(checked.error());
    if (auto split = split_ends(range, tlb); !split) return std::unexpected(split.error());
    return unmap_leaves(range);
  }

  /// Unmaps whatever is mapped in `range`, a valid one whose ends cut through no block.
  Invalidation unmap_leaves(GuestPhysRange range) {
    ++changes_;
    typename Tree::Removal removal{{}, RetiredFrames(tree_.memory())};
    tree_.clear({range.base, {}, range.size}, Over::Nothing, removal);
    return Invalidation(removal.stale.range(), std::move(removal.retired));
  }

  /// Gives `flags` to whatever is mapped in `range`, splitting blocks at its ends. Errors:
  /// InvalidInput (as map), NoMemory (to split).
  template <TranslationCache Tlb>
  Result<Invalidation> protect(GuestPhysRange range, MappingFlags flags, Tlb& tlb) {
    ++changes_;
    flags = flags & ~omitted_;
    if (auto checked = check("protect"sv, range, {}, flags); !checked) {
      return std::unexpected(checked.error());
    }
    if (auto split = split_ends(range, tlb); !split) return std::unexpected(split.error());
    RangeHull stale;
    RangeHull broken;
    tree_.scan(range, [&](Entry* first, std::size_t n, unsigned height, GuestPhysAddr base) {
      return protect_run(first, n, height, base, flags, stale, broken);
    });
    if (!broken.empty()) {
      tlb.invalidate(broken.range());
      tree_.visit(broken.range(), [&](Entry* first, std::size_t n, unsigned height, GuestPhysAddr) {
        for (std::size_t i = 0; i < n; ++i) {
          const Entry entry = Access::load(first[i]);
          if (Format::is_valid(entry) || entry == Format::kInvalid) continue;
          Access::store(first[i], Format::leaf(Format::address(entry), flags, height));
        }
        return true;
      });
    }
    return Invalidation(stale.range());
  }

  /// Maps `range` to host-physical memory from `hpa` on, in place of whatever is mapped there, if
  /// anything. Errors: as map, but not AlreadyExists.
  template <TranslationCache Tlb>
  Result<Invalidation> remap(GuestPhysRange range, HostPhysAddr hpa, MappingFlags flags, Tlb& tlb) {
    ++changes_;
    flags = flags & ~omitted_;
    if (auto checked = check("remap"sv, range, hpa, flags); !checked) {
      return std::unexpected(checked.error());
    }
    if (auto split = split_ends(range, tlb); !split) return std::unexpected(split.error());
    const typename Tree::Piece request{range.base, hpa, range.size};
    const std::optional<TableCount> missing = tree_.missing_tables(request, Over::Old);
    auto reserve = Tree::Reserve::try_make(tree_.memory(), *missing);
    if (!reserve) return std::unexpected(reserve.error());
    typename Tree::Removal removal{{}, RetiredFrames(tree_.memory())};
    tree_.clear(request, Over::Old, removal);
    Invalidation(removal.stale.range(), std::move(removal.retired)).flush(tlb);
    tree_.install(request, flags, *reserve);
    return Invalidation();
  }

  /// Replaces blocks that reach across an end of `range` by smaller leaves, so that none does. What
  /// is mapped stays the same; on failure nothing is split. Errors: NoMemory.
  template <TranslationCache Tlb>
  Result<> split_ends(GuestPhysRange range, Tlb& tlb) {
    const auto cuts = [](GuestPhysAddr at, GuestPhysRange leaf) {
      return leaf.contains(at) && leaf.base != at;
    };
    std::array<typename Tree::Place, 2> blocks;
    std::size_t count = 0;
    for (const GuestPhysAddr end : {range.base, range.end()}) {
      if (end.value >= reach()) continue;
      const typename Tree::Place at = tree_.find(end);
      if (at.offset() == 0 || !Format::is_valid(at.entry)) continue;
      if (count == 1 && blocks[0].slot == at.slot) continue;
      blocks[count++] = at;
    }
    const auto divides = [&](GuestPhysRange leaf) {
      return cuts(range.base, leaf) || cuts(range.end(), leaf);
    };
    return divide({blocks.data(), count}, divides, tlb);
  }
  /// Replaces blocks that reach across `gpa` by smaller leaves, so that none does. What is mapped
  /// stays the same, also on failure. Errors: NoMemory.
  template <TranslationCache Tlb>
  Result<> split_at(GuestPhysAddr gpa, Tlb& tlb) {
    return split_ends({gpa, 0}, tlb);
  }
  /// Replaces blocks by smaller leaves, so that `range` is mapped by pages only. What is mapped
  /// stays the same, also on failure. Errors: InvalidInput (as unmap), NoMemory.
  template <TranslationCache Tlb>
  Result<> split_to_pages(GuestPhysRange range, Tlb& tlb) {
    if (auto checked = check("split"sv, range); !checked) return checked;
    const auto divides = [range](GuestPhysRange leaf) {
      return leaf.size > Shape::kGranule && leaf.overlaps(range);
    };
    Result<> done;
    tree_.visit(range, [&](Entry* first, std::size_t n, unsigned height, GuestPhysAddr base) {
      const std::uint64_t size = Shape::entry_size(height);
      for (std::size_t i = 0; height > 0 && i < n && done; ++i) {
        const Entry entry = Access::load(first[i]);
        if (!Format::is_valid(entry)) continue;
        const typename Tree::Place block{first + i, entry, height, base + i * size};
        done = divide({&block, 1}, divides, tlb);
      }
      return done.has_value();
    });
    return done;
  }
  /// Replaces tables that lie in `range` as a whole, and map what one block can, by that block.
  /// What is mapped stays the same. Errors: InvalidInput (as unmap).
  template <TranslationCache Tlb>
  Result<> merge(GuestPhysRange range, Tlb& tlb) {
    if (auto checked = check("merge"sv, range); !checked) return checked;
    tree_.join(range, [&](Entry& slot, Entry block, GuestPhysRange whole) {
      break_then_make(slot, block, whole, tlb);
    });
    tlb.publish();
    return {};
  }

  /// The slot that holds `gpa`. Beyond reach, all that follows is one slot that maps nothing.
  [[nodiscard]] Slot lookup(GuestPhysAddr gpa) const {
    if (gpa.value >= reach()) return {{GuestPhysAddr(reach()), 0 - reach()}, std::nullopt};
    const typename Tree::Place at = tree_.find(gpa);
    return slot_of(at.entry, at.range());
  }
  /// Where `gpa` leads; nothing when it is not mapped.
  [[nodiscard]] std::optional<Mapping> query(GuestPhysAddr gpa) const {
    if (gpa.value >= reach()) return std::nullopt;
    const typename Tree::Place at = tree_.find(gpa);
    if (!Format::is_valid(at.entry)) return std::nullopt;
    return Mapping{Format::address(at.entry) + at.offset(), Format::flags(at.entry), at.size()};
  }
  /// Calls `visitor(const Slot&)` for each slot that overlaps `range` and is below reach(), in
  /// ascending order, whether it maps something or not. The visitor returns whether to go on. The
  /// table must not be changed meanwhile. True when no call returned false.
  template <std::predicate<const Slot&> Visitor>
  bool walk(GuestPhysRange range, Visitor&& visitor) const {
    if (range.base.value >= reach()) return true;
    const std::uint64_t rest = reach() - range.base.value;
    if (range.size > rest) range.size = rest;
    return tree_.visit(range,
                       [&](Entry* first, std::size_t n, unsigned height, GuestPhysAddr base) {
                         const std::uint64_t size = Shape::entry_size(height);
                         for (std::size_t i = 0; i < n; ++i) {
                           if (!visitor(slot_of(Access::load(first[i]), {base + i * size, size})))
                             return false;
                         }
                         return true;
                       });
  }

 private:
  explicit PageTable(Tree tree) noexcept : tree_(std::move(tree)) {}

  static std::unexpected<Error> already_mapped() {
    return fail(ErrorKind::AlreadyExists, "map"sv, "part of the range is mapped"sv);
  }
  /// Whether entries can hold the addresses of `size` bytes at `hpa`.
  [[nodiscard]] static bool is_target(HostPhysAddr hpa, std::uint64_t size) noexcept {
    return hpa.is_aligned(Shape::kGranule) && size <= Format::kOutputLimit &&
           hpa.value <= Format::kOutputLimit - size;
  }
  Result<> check(std::string_view operation, GuestPhysRange range) const {
    if (range.size == 0 || !range.base.is_aligned(Shape::kGranule) ||
        range.size % Shape::kGranule != 0) {
      return fail(ErrorKind::InvalidInput, operation, "range is empty or not whole pages"sv);
    }
    if (range.size > reach() || range.base.value > reach() - range.size) {
      return fail(ErrorKind::InvalidInput, operation, "range is beyond the guest address space"sv);
    }
    return {};
  }
  Result<> check(std::string_view operation, GuestPhysRange range, HostPhysAddr hpa,
                 MappingFlags flags) const {
    if (auto checked = check(operation, range); !checked) return checked;
    if (!is_target(hpa, range.size)) {
      return fail(ErrorKind::InvalidInput, operation, "host address is unaligned or too large"sv);
    }
    if (!has_any(flags, kReadWriteExecute)) {
      return fail(ErrorKind::InvalidInput, operation, "a mapping must permit some access"sv);
    }
    return {};
  }

  [[gnu::noinline]] Result<Publication> map_range(GuestPhysRange range, HostPhysAddr hpa,
                                                  MappingFlags flags) {
    if (auto checked = check("map"sv, range, hpa, flags); !checked) {
      return std::unexpected(checked.error());
    }
    const typename Tree::Piece request{range.base, hpa, range.size};
    const std::optional<TableCount> missing = tree_.missing_tables(request, Over::Nothing);
    if (!missing) return already_mapped();
    auto reserve = Tree::Reserve::try_make(tree_.memory(), *missing);
    if (!reserve) return std::unexpected(reserve.error());
    tree_.install(request, flags, *reserve);
    tree_.note(range.base);
    return Publication();
  }

  /// Unmaps one page, unless that takes more than its entry.
  std::optional<Invalidation> unmap_recent(GuestPhysRange page) {
    const auto at = tree_.recent_page(page.base);
    if (!at || tree_.live_pages(*at) == 1) return std::nullopt;
    if (!Format::is_valid(Access::load(*at->slot))) return Invalidation();
    Access::store(*at->slot, Format::kInvalid);
    tree_.count_page(*at, -1);
    return Invalidation(page);
  }

  [[nodiscard]] static Slot slot_of(Entry entry, GuestPhysRange range) {
    if (!Format::is_valid(entry)) return {range, std::nullopt};
    return {range, Leaf{Format::address(entry), Format::flags(entry)}};
  }

  /// Which of some neighbours changed: the first and the last of them.
  struct Changed {
    std::size_t first = ~std::size_t{0};
    std::size_t last = 0;

    void add(std::size_t i) noexcept {
      first = i < first ? i : first;
      last = i;
    }
    [[nodiscard]] bool any() const noexcept { return first <= last; }
    [[nodiscard]] GuestPhysRange range(GuestPhysAddr base, std::uint64_t size) const noexcept {
      return {base + first * size, (last - first + 1) * size};
    }
  };

  /// Entries that must be broken first are broken, the others changed, as far as the first table.
  static std::size_t protect_run(Entry* first, std::size_t n, unsigned height, GuestPhysAddr base,
                                 MappingFlags flags, RangeHull& stale, RangeHull& broken) {
    const std::uint64_t size = Shape::entry_size(height);
    const Entry attributes = Format::leaf(HostPhysAddr(0), flags, height);
    Changed in_place;
    Changed out_of_place;
    std::size_t i = 0;
    for (; i < n; ++i) {
      const Entry entry = Access::load(first[i]);
      if (Format::is_table(entry, height)) break;
      if (!Format::is_valid(entry)) continue;
      const Entry wanted = attributes | (entry & Format::kAddressBits);
      if (wanted == entry) continue;
      if (Format::may_replace(entry, wanted)) {
        Access::store(first[i], wanted);
        in_place.add(i);
      } else {
        Access::store(first[i], Format::broken(entry));
        out_of_place.add(i);
      }
    }
    if (in_place.any()) stale.add(in_place.range(base, size));
    if (out_of_place.any()) broken.add(out_of_place.range(base, size));
    return i;
  }

  /// Replaces `blocks` by tables, all or none.
  template <class Divides, TranslationCache Tlb>
  Result<> divide(std::span<const typename Tree::Place> blocks, const Divides& divides, Tlb& tlb) {
    if (blocks.empty()) return {};
    TableCount tables;
    for (const auto& block : blocks) {
      tables += Tree::tables_to_divide(block.range(), block.height, divides);
    }
    auto reserve = Tree::Reserve::try_make(tree_.memory(), tables);
    if (!reserve) return std::unexpected(reserve.error());
    for (const auto& block : blocks) {
      const Entry table =
          tree_.divided_leaf(*block.slot, block.range(), block.height, divides, *reserve);
      break_then_make(*block.slot, table, block.range(), tlb);
    }
    tlb.publish();
    return {};
  }
  /// Break before make (DDI 0487 D8.16.1).
  template <TranslationCache Tlb>
  static void break_then_make(Entry& slot, Entry with, GuestPhysRange range, Tlb& tlb) {
    Access::store(slot, Format::kInvalid);
    tlb.invalidate(range);
    Access::publish(slot, with);
  }

  Tree tree_;
  std::uint64_t changes_ = 0;
  MappingFlags omitted_ = MappingFlags::None;
};

}  // namespace axvm
