#pragma once
// The guest-physical address space of one VM: its regions, and the stage-2 table that makes them
// real. Windows of emulated devices are simply not mapped.

#include <axvm/address.hpp>
#include <axvm/mapping.hpp>
#include <axvm/memory.hpp>
#include <axvm/result.hpp>
#include <core/memory/dirty_log.hpp>
#include <core/memory/guest_memory.hpp>
#include <core/memory/layout.hpp>
#include <core/memory/page_table.hpp>
#include <core/memory/region.hpp>
#include <optional>
#include <span>

namespace axvm {

/// What became of a guest's access that stage 2 refused.
struct PageFaultOutcome {
  enum class Kind : std::uint8_t {
    Unhandled,  ///< no memory there, or not for this access
    Resolved,   ///< it is permitted by now: the access may be repeated
    Mapped,     ///< it has been mapped by this call
  };
  Kind kind = Kind::Unhandled;
  GuestPhysAddr gpa;  ///< Mapped: the page, of kPageSize bytes
  HostPhysAddr hpa;   ///< Mapped: its frame, zeroed
};

/// `Tlb` arguments discharge every Invalidation before memory that guests could reach is given
/// back. What fails changes nothing that the guest or the host can see. Not synchronised: the VM
/// holds a lock.
///
/// Ranges are in whole pages. Every call that takes one answers InvalidInput when it is empty, not
/// 4 KiB aligned or beyond reach.
template <PageTableFormat Format, class H>
class AddressSpace : public GuestMemory<Format, H> {
  using Base = GuestMemory<Format, H>;
  using Base::apply_flags;
  using Base::back;
  using Base::back_page;
  using Base::check;
  using Base::for_each_frame;
  using Base::for_each_part;
  using Base::hal_;
  using Base::logs_;
  using Base::regions_;
  using Base::table_;
  using Base::unmap_part;
  using Base::watched_flags;

 public:
  using Base::reach;

  /// Room for `max_regions` regions. Errors: NoMemory.
  [[nodiscard]] static Result<AddressSpace> try_make(H& hal, PageTableGeometry geometry,
                                                     std::size_t max_regions) {
    auto regions = RegionList::try_make(Allocator::of(hal), max_regions);
    if (!regions) return std::unexpected(regions.error());
    auto logs = DirtyLogs::try_make(Allocator::of(hal));
    if (!logs) return std::unexpected(logs.error());
    auto table = PageTable<Format, H>::try_make(hal, geometry);
    if (!table) return std::unexpected(table.error());
    return AddressSpace(hal, std::move(*regions), std::move(*logs), std::move(*table));
  }
  /// The lowest address at or after `hint`, a multiple of 4 KiB, from which `size` bytes are free.
  [[nodiscard]] std::optional<GuestPhysAddr> find_free(GuestPhysAddr hint,
                                                       std::uint64_t size) const noexcept {
    return regions_.find_free(hint, size, reach());
  }

  // --- regions --------------------------------------------------------------------------------
  // All mapping calls answer InvalidInput (no access permitted, host-physical addresses that no
  // entry can hold), AlreadyExists (part of the range is mapped) and NoMemory; in a range whose
  // writes are logged also Unsupported (memory that can be written but neither read nor executed).

  /// Maps host-physical addresses that somebody else owns. The VMM touches them for the guest only
  /// if they are RAM and `flags` do not say Device.
  template <TranslationCache Tlb>
  Result<> map_linear(GuestPhysRange range, HostPhysAddr hpa, MappingFlags flags, Tlb& tlb) {
    return map_region({range, hpa, flags, Backing::Linear, touchable(range, hpa, flags)}, tlb);
  }
  /// The same where host-physical and guest-physical addresses are the same.
  template <TranslationCache Tlb>
  Result<> map_reserved(GuestPhysRange range, MappingFlags flags, Tlb& tlb) {
    const HostPhysAddr hpa(range.base.value);
    return map_region({range, hpa, flags, Backing::Reserved, touchable(range, hpa, flags)}, tlb);
  }
  /// Maps devices of the host.
  template <TranslationCache Tlb>
  Result<> map_passthrough(const PassthroughWindow& window, Tlb& tlb) {
    constexpr MappingFlags kFlags = kReadWrite | MappingFlags::User | MappingFlags::Device;
    return map_region({window.range, window.hpa, kFlags, Backing::Passthrough, false}, tlb);
  }
  /// Takes the host-physical range with the same addresses from the allocator, zeroes and maps it.
  /// Errors: also ResourceBusy (the range is not free).
  template <TranslationCache Tlb>
  Result<> map_identical(GuestPhysRange range, MappingFlags flags, Tlb& tlb) {
    if (auto checked = check("map"sv, range, flags); !checked) return checked;
    const HostPhysAddr hpa(range.base.value);
    if (!hal_->allocate_range(hpa, range.size)) {
      return fail(ErrorKind::ResourceBusy, "map"sv,
                  "the host-physical range is taken or no memory"sv);
    }
    hal_->zero_range(hpa, range.size);
    auto mapped = map_region({range, hpa, flags, Backing::Identical, true}, tlb);
    if (!mapped) hal_->deallocate_range(hpa, range.size);
    return mapped;
  }
  /// Backs `range` with zeroed frames: all of them now (`populate`) or each when touched.
  template <TranslationCache Tlb>
  Result<> map_alloc(GuestPhysRange range, MappingFlags flags, bool populate, Tlb& tlb) {
    const Region region{range, {}, flags, populate ? Backing::Eager : Backing::Lazy, true};
    if (auto checked = check("map"sv, range, flags); !checked) return checked;
    if (auto loggable = check_loggable(region); !loggable) return loggable;
    if (auto added = regions_.add(region); !added) return added;
    if (populate) {
      if (auto backed = back(range, tlb); !backed) {
        unmap_part(region, tlb);
        regions_.remove(range);
        return backed;
      }
    }
    logs_.mark(range);
    return {};
  }

  /// Removes `range` from the space and gives its memory back. Holes are skipped. Errors: NoMemory
  /// (no room to split a region or a block).
  template <TranslationCache Tlb>
  Result<> unmap(GuestPhysRange range, Tlb& tlb) {
    if (auto checked = check("unmap"sv, range); !checked) return checked;
    if (!regions_.can_remove(range)) {
      return fail(ErrorKind::NoMemory, "unmap"sv, "too many regions"sv);
    }
    // Splitting blocks may fail, but changes nothing that the guest could see; the rest cannot.
    if (auto split = table_.split_ends(range, tlb); !split) return split;
    for_each_part(range, [&](const Region& part) { unmap_part(part, tlb); });
    regions_.remove(range);
    return {};
  }

  /// Lets the guest read, write and execute what `access` says, and nothing else, in all regions'
  /// parts of `range`. Holes are skipped; the kind of memory stays. Errors: InvalidInput (`access`
  /// is empty or has other flags), NoMemory (no room to split a region or a block), Unsupported
  /// (as for mapping).
  template <TranslationCache Tlb>
  Result<> protect(GuestPhysRange range, MappingFlags access, Tlb& tlb) {
    if (auto checked = check("protect"sv, range, access); !checked) return checked;
    if (!has_all(kReadWriteExecute, access)) {
      return fail(ErrorKind::InvalidInput, "protect"sv, "expected read, write, execute only"sv);
    }
    Result<> loggable;
    for_each_part(range, [&](Region part) {
      part.flags = access;
      if (loggable) loggable = check_loggable(part);
    });
    if (!loggable) return loggable;
    if (!regions_.can_split(range)) {
      return fail(ErrorKind::NoMemory, "protect"sv, "too many regions"sv);
    }
    if (auto split = table_.split_ends(range, tlb); !split) return split;
    regions_.split(range);
    regions_.permit(range, access);
    for_each_part(range, [&](const Region& part) { apply_flags(part, tlb); });
    return {};
  }

  /// Makes memory of the guest's own as it was when it was mapped: zeroed, lazy pages untouched.
  /// What somebody else owns stays as it is.
  template <TranslationCache Tlb>
  void clear(Tlb& tlb) {
    for (const Region& region : regions_.regions()) {
      if (region.is_linear() && region.backing != Backing::Identical) continue;
      logs_.mark(region.range);
      if (region.backing == Backing::Lazy) unmap_part(region, tlb);
      if (region.backing == Backing::Identical) hal_->zero_range(region.hpa, region.range.size);
      if (region.backing == Backing::Eager) {
        for_each_frame(region.range, [&](HostPhysAddr hpa) { hal_->zero_range(hpa, kPageSize); });
      }
    }
  }

  // --- translation ----------------------------------------------------------------------------

  /// Lets a refused access through, if the space permits it: backs a lazy page that the guest
  /// touched, notes the first write to a page that is logged. Errors: NoMemory.
  template <TranslationCache Tlb>
  Result<PageFaultOutcome> handle_page_fault(GuestPhysAddr gpa, MappingFlags access, Tlb& tlb) {
    using enum PageFaultOutcome::Kind;
    const Region* region = regions_.find(gpa);
    if (region == nullptr || !has_all(region->flags, access)) return PageFaultOutcome{};
    const GuestPhysRange page{gpa.align_down(kPageSize), kPageSize};
    const auto slot = table_.lookup(gpa);
    const bool writes = has_all(access, MappingFlags::Write);
    if (!slot.leaf) {
      if (region->backing != Backing::Lazy) return PageFaultOutcome{};
      const bool watched = !writes && logs_.run_from(page.base, page.end()).is_watched;
      auto frame = back_page(page.base, watched ? watched_flags(*region) : region->flags, tlb);
      if (!frame) return std::unexpected(frame.error());
      if (writes) logs_.mark(page);
      return PageFaultOutcome{Mapped, page.base, *frame};
    }
    if (writes && !has_all(slot.leaf->flags, MappingFlags::Write)) {
      logs_.mark(page);
      apply_flags(region->clipped(page), tlb);
    }
    return PageFaultOutcome{Resolved, {}, {}};
  }

  // --- dirty logging --------------------------------------------------------------------------

  /// Notes from now on which pages of memory in `range` the guest or the VMM writes. Memory that is
  /// mapped meanwhile counts as written. Blocks are split to pages until the log ends. Errors:
  /// AlreadyExists (another log covers part of it), Unsupported (as for mapping), NoMemory.
  template <TranslationCache Tlb>
  Result<> start_dirty_log(GuestPhysRange range, Tlb& tlb) {
    if (auto checked = check("start dirty log"sv, range); !checked) return checked;
    if (auto started = logs_.start(range); !started) return started;
    Result<> done;
    for_each_part(range, [&](const Region& part) {
      if (done) done = check_loggable(part);
      if (done && part.is_memory) done = split_to_pages(part.range, tlb);
    });
    if (!done) {
      logs_.stop(range);
      merge_blocks(range, tlb);
      return done;
    }
    for_each_part(range, [&](const Region& part) { apply_flags(part, tlb); });
    return {};
  }
  /// Moves what has been noted for `range`, all within one log, to `bits`: one bit per page, the
  /// first to bit 0 of the first word, dirty_words(range.size) words. The pages are clean from then
  /// on: who copies a page after this call and asks again later misses no write. Errors:
  /// InvalidInput (`bits` is of another size), NotFound (no log covers the range).
  template <TranslationCache Tlb>
  Result<> take_dirty_log(GuestPhysRange range, std::span<std::uint64_t> bits, Tlb& tlb) {
    if (auto checked = check("take dirty log"sv, range); !checked) return checked;
    if (bits.size() != dirty_words(range.size)) {
      return fail(ErrorKind::InvalidInput, "take dirty log"sv, "expected one bit per page"sv);
    }
    DirtyLog* log = logs_.covering(range);
    if (log == nullptr) return no_log("take dirty log"sv);
    log->take(range, bits);
    for_each_part(range, [&](const Region& part) { apply_flags(part, tlb); });
    return {};
  }
  /// Ends the log that was started for `range`; what blocks can map is mapped by blocks again.
  /// Errors: NotFound (none was).
  template <TranslationCache Tlb>
  Result<> stop_dirty_log(GuestPhysRange range, Tlb& tlb) {
    if (!logs_.stop(range)) return no_log("stop dirty log"sv);
    for_each_part(range, [&](const Region& part) { apply_flags(part, tlb); });
    merge_blocks(range, tlb);
    return {};
  }

 private:
  AddressSpace(H& hal, RegionList regions, DirtyLogs logs, typename Base::Table table) noexcept
      : Base(hal, std::move(regions), std::move(logs), std::move(table)) {}

  // --- checks ---------------------------------------------------------------------------------

  Result<> check(std::string_view operation, GuestPhysRange range, MappingFlags flags) const {
    if (!has_any(flags, kReadWriteExecute)) {
      return fail(ErrorKind::InvalidInput, operation, "a mapping must permit some access"sv);
    }
    return check(operation, range);
  }
  /// Watching a page means to refuse writes; something must remain.
  Result<> check_loggable(const Region& region) const {
    if (!region.is_memory || !has_all(region.flags, MappingFlags::Write) ||
        has_any(watched_flags(region), kReadWriteExecute) || !logs_.overlap(region.range)) {
      return {};
    }
    return fail(ErrorKind::Unsupported, "log writes"sv, "the memory can be written only"sv);
  }
  static std::unexpected<Error> no_log(std::string_view operation) {
    return fail(ErrorKind::NotFound, operation, "no log covers the range"sv);
  }
  /// Whether the VMM may touch foreign host-physical addresses as memory.
  [[nodiscard]] bool touchable(GuestPhysRange range, HostPhysAddr hpa, MappingFlags flags) const {
    if (has_all(flags, MappingFlags::Device)) return false;
    const auto bank = hal_->ram_after(hpa);
    return bank && bank->base <= hpa && range.size <= bank->size - (hpa - bank->base);
  }

  // --- regions and leaves ---------------------------------------------------------------------

  template <TranslationCache Tlb>
  Result<> map_region(const Region& region, Tlb& tlb) {
    if (auto checked = check("map"sv, region.range, region.flags); !checked) return checked;
    if (auto loggable = check_loggable(region); !loggable) return loggable;
    if (auto added = regions_.add(region); !added) return added;
    auto changed = table_.map(region.range, region.hpa, region.flags);
    if (!changed) {
      regions_.remove(region.range);
      return std::unexpected(changed.error());
    }
    std::move(*changed).flush(tlb);
    if (!region.is_memory) return {};
    // Logs hold pages only, so that noticing a write needs no memory.
    for (const DirtyLog& log : logs_.logs()) {
      if (!log.range().overlaps(region.range)) continue;
      auto split = split_to_pages(region.clipped(log.range()).range, tlb);
      if (split) continue;
      table_.unmap_leaves(region.range).flush(tlb);
      regions_.remove(region.range);
      return split;
    }
    logs_.mark(region.range);
    return {};
  }

  /// Pages in `range`, and blocks as large as before outside.
  template <TranslationCache Tlb>
  Result<> split_to_pages(GuestPhysRange range, Tlb& tlb) {
    if (auto split = table_.split_ends(range, tlb); !split) return split;
    return table_.split_to_pages(range, tlb);
  }
  /// Undoes the splitting for a log of `range`, but where other logs are.
  template <TranslationCache Tlb>
  void merge_blocks(GuestPhysRange range, Tlb& tlb) {
    for (const Region& region : regions_.regions()) {
      if (!region.range.overlaps(range) || !region.is_linear()) continue;
      for (GuestPhysAddr at = region.range.base; at < region.range.end();) {
        const GuestPhysRange gap = logs_.gap_from(at, region.range.end());
        if (gap.size != 0) static_cast<void>(table_.merge(gap, tlb));
        at = gap.end();
      }
    }
  }
};

}  // namespace axvm
