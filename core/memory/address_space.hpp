#pragma once
// The guest-physical address space of one VM: its regions, and the stage-2 table that makes them
// real. Windows of emulated devices are simply not mapped.

#include <array>
#include <axvm/address.hpp>
#include <axvm/function_ref.hpp>
#include <axvm/mapping.hpp>
#include <axvm/memory.hpp>
#include <axvm/result.hpp>
#include <core/memory/page_table.hpp>
#include <core/memory/region.hpp>
#include <cstring>
#include <optional>
#include <span>

namespace axvm {

/// What became of a guest's access that stage 2 refused.
struct PageFaultOutcome {
  enum class Kind : std::uint8_t {
    Unhandled,  ///< no memory there, or not for this access
    Resolved,   ///< it is mapped by now: the access may be repeated
    Mapped,     ///< it has been mapped by this call
  };
  Kind kind = Kind::Unhandled;
  GuestPhysAddr gpa;  ///< Mapped: the page, of kPageSize bytes
  HostPhysAddr hpa;   ///< Mapped: its frame, zeroed
};

/// `Tlb` arguments discharge every Invalidation before memory that guests could reach is given
/// back. Failures leave the space unchanged in effect. Not synchronised: the VM holds a lock.
template <PageTableFormat Format, class H>
class AddressSpace {
 public:
  /// Room for `max_regions` regions. Errors: NoMemory.
  [[nodiscard]] static Result<AddressSpace> try_make(H& hal, PageTableGeometry geometry,
                                                     std::size_t max_regions) {
    auto regions = RegionList::try_make(Allocator::of(hal), max_regions);
    if (!regions) return std::unexpected(regions.error());
    auto table = PageTable<Format, H>::try_make(hal, geometry);
    if (!table) return std::unexpected(table.error());
    return AddressSpace(hal, std::move(*regions), std::move(*table));
  }
  AddressSpace(AddressSpace&&) = default;
  AddressSpace& operator=(AddressSpace&&) = delete;
  /// Gives everything back. No CPU may be able to use the table any more.
  ~AddressSpace() {
    for (const Region& region : regions_.regions()) release(region);
  }

  [[nodiscard]] HostPhysAddr root() const noexcept { return table_.root(); }
  [[nodiscard]] PageTableGeometry geometry() const noexcept { return table_.geometry(); }
  [[nodiscard]] std::span<const Region> regions() const noexcept { return regions_.regions(); }
  /// The first region that ends above `gpa`; null when none does.
  [[nodiscard]] const Region* first_region_after(GuestPhysAddr gpa) const noexcept {
    return regions_.first_after(gpa);
  }
  /// Whether the guest has memory in all of `range`, touched or not.
  [[nodiscard]] bool is_memory(GuestPhysRange range) const noexcept {
    return regions_.is_memory(range);
  }

  /// Maps host-physical memory that somebody else owns. Errors: InvalidInput (empty, unaligned,
  /// beyond reach, no access), AlreadyExists, NoMemory.
  template <TranslationCache Tlb>
  Result<> map_linear(GuestPhysRange range, HostPhysAddr hpa, MappingFlags flags, Tlb& tlb) {
    return map_region({range, hpa, flags, Backing::Linear}, tlb);
  }

  /// Takes the host-physical range with the same addresses from the allocator and maps it.
  /// Errors: as map_linear, and ResourceBusy (the range is not free).
  template <TranslationCache Tlb>
  Result<> map_identical(GuestPhysRange range, MappingFlags flags, Tlb& tlb) {
    const HostPhysAddr hpa(range.base.value);
    if (!hal_->allocate_range(hpa, range.size)) {
      return fail(ErrorKind::ResourceBusy, "map"sv,
                  "the host-physical range is taken or no memory"sv);
    }
    hal_->zero_range(hpa, range.size);
    auto mapped = map_region({range, hpa, flags, Backing::Owned}, tlb);
    if (!mapped) hal_->deallocate_range(hpa, range.size);
    return mapped;
  }

  /// Backs `range` with zeroed frames: all of them now (`populate`) or each when touched. Errors:
  /// as map_linear.
  template <TranslationCache Tlb>
  Result<> map_alloc(GuestPhysRange range, MappingFlags flags, bool populate, Tlb& tlb) {
    if (auto checked = check(range, flags); !checked) return checked;
    const Region region{range, {}, flags, populate ? Backing::Allocated : Backing::Lazy};
    if (auto added = regions_.add(region); !added) return added;
    if (!populate) return {};
    auto backed = back(range, tlb);
    if (!backed) static_cast<void>(unmap(range, tlb));
    return backed;
  }

  /// Removes `range` from the space and gives its memory back. Errors: InvalidInput (empty,
  /// unaligned, beyond reach), NoMemory (no room to split a region or a block).
  template <TranslationCache Tlb>
  Result<> unmap(GuestPhysRange range, Tlb& tlb) {
    if (auto checked = check(range, kReadWriteExecute); !checked) return checked;
    if (!regions_.can_remove(range))
      return fail(ErrorKind::NoMemory, "unmap"sv, "too many regions"sv);
    // Splitting blocks may fail, but changes nothing that the guest could see; the rest cannot
    // fail.
    for (const GuestPhysAddr edge : {range.base, range.end()}) {
      if (auto split = table_.split_at(edge, tlb); !split) return split;
    }
    GuestPhysAddr at = range.base;
    while (const Region* found = regions_.first_after(at)) {
      if (found->range.base >= range.end()) break;
      const Region part = found->clipped(range);
      unmap_part(part, tlb);
      regions_.remove(part.range);
      at = part.range.end();
    }
    return {};
  }

  /// Memory of the guest's own as it was when it was mapped: zeroed, lazy pages untouched. What
  /// somebody else owns stays as it is. Errors: NoMemory (no room to split a block), and nothing
  /// has changed.
  template <TranslationCache Tlb>
  Result<> clear(Tlb& tlb) {
    for (const Region& region : regions_.regions()) {
      if (region.backing != Backing::Lazy) continue;
      for (const GuestPhysAddr edge : {region.range.base, region.range.end()}) {
        if (auto split = table_.split_at(edge, tlb); !split) return split;
      }
    }
    for (const Region& region : regions_.regions()) {
      if (region.backing == Backing::Lazy) unmap_part(region, tlb);
      if (region.backing == Backing::Owned) hal_->zero_range(region.hpa, region.range.size);
      if (region.backing == Backing::Allocated) zero_frames(region);
    }
    return {};
  }

  /// Backs a lazy page that the guest touched. Errors: NoMemory.
  template <TranslationCache Tlb>
  Result<PageFaultOutcome> handle_page_fault(GuestPhysAddr gpa, MappingFlags access, Tlb& tlb) {
    using enum PageFaultOutcome::Kind;
    const Region* region = regions_.find(gpa);
    if (region == nullptr || !has_all(region->flags, access)) return PageFaultOutcome{};
    if (table_.lookup(gpa).leaf) return PageFaultOutcome{Resolved, {}, {}};
    const GuestPhysAddr page = gpa.align_down(kPageSize);
    auto frame = back_page(page, region->flags, tlb);
    if (!frame) return std::unexpected(frame.error());
    return PageFaultOutcome{Mapped, page, *frame};
  }

  [[nodiscard]] std::optional<HostPhysAddr> translate(GuestPhysAddr gpa) const {
    const auto slot = table_.lookup(gpa);
    if (!slot.leaf) return std::nullopt;
    return slot.leaf->hpa + (gpa - slot.range.base);
  }

  /// Visits the memory behind `range` in ascending order, backing lazy pages first; neighbours in
  /// host memory come as one span. What the visitor writes is published. Errors: BadAddress (part
  /// of it is not memory), NoMemory.
  template <TranslationCache Tlb>
  Result<> visit(GuestPhysRange range, Tlb& tlb, FunctionRef<void(std::span<std::byte>)> visitor) {
    if (auto checked = check_memory(range); !checked) return checked;
    if (auto backed = back(range, tlb); !backed) return backed;
    const auto show = [&](std::span<std::byte> bytes) {
      if (bytes.empty()) return;
      visitor(bytes);
      tlb.publish_data(bytes);
    };
    std::span<std::byte> pending;
    for_each_span(range, [&](GuestPhysAddr, std::byte* bytes, std::size_t n) {
      if (bytes == pending.data() + pending.size()) {
        pending = {pending.data(), pending.size() + n};
        return;
      }
      show(pending);
      pending = {bytes, n};
    });
    show(pending);
    return {};
  }

  /// Copies guest memory; lazy pages that were never touched read as zeroes. Errors: BadAddress.
  Result<> read(GuestPhysAddr gpa, std::span<std::byte> to) const {
    const GuestPhysRange range{gpa, to.size()};
    if (auto checked = check_memory(range); !checked) return checked;
    for_each_span(range, [&](GuestPhysAddr at, const std::byte* bytes, std::size_t n) {
      std::byte* out = to.data() + (at - gpa);
      if (bytes != nullptr) {
        std::memcpy(out, bytes, n);
      } else {
        std::memset(out, 0, n);
      }
    });
    return {};
  }
  /// Copies into guest memory, backing lazy pages first. Errors: BadAddress, NoMemory.
  template <TranslationCache Tlb>
  Result<> write(GuestPhysAddr gpa, std::span<const std::byte> from, Tlb& tlb) {
    const GuestPhysRange range{gpa, from.size()};
    if (auto checked = check_memory(range); !checked) return checked;
    if (auto backed = back(range, tlb); !backed) return backed;
    for_each_span(range, [&](GuestPhysAddr at, std::byte* bytes, std::size_t n) {
      std::memcpy(bytes, from.data() + (at - gpa), n);
      tlb.publish_data({bytes, n});
    });
    return {};
  }

 private:
  AddressSpace(H& hal, RegionList regions, PageTable<Format, H> table) noexcept
      : hal_(&hal), regions_(std::move(regions)), table_(std::move(table)) {}

  Result<> check(GuestPhysRange range, MappingFlags flags) const {
    const std::uint64_t reach = table_.reach();
    if (range.size == 0 || !range.base.is_aligned(kPageSize) || range.size % kPageSize != 0) {
      return fail(ErrorKind::InvalidInput, "map"sv, "range is empty or not 4 KiB aligned"sv);
    }
    if (range.size > reach || range.base.value > reach - range.size) {
      return fail(ErrorKind::InvalidInput, "map"sv, "range is beyond the guest address space"sv);
    }
    if (!has_any(flags, kReadWriteExecute)) {
      return fail(ErrorKind::InvalidInput, "map"sv, "a mapping must permit some access"sv);
    }
    return {};
  }
  Result<> check_memory(GuestPhysRange range) const {
    if (!regions_.is_memory(range)) {
      return fail(ErrorKind::BadAddress, "access guest memory"sv,
                  "part of the range is no memory"sv);
    }
    return {};
  }

  template <TranslationCache Tlb>
  Result<> map_region(const Region& region, Tlb& tlb) {
    if (auto checked = check(region.range, region.flags); !checked) return checked;
    if (auto added = regions_.add(region); !added) return added;
    auto changed = table_.map(region.range, region.hpa, region.flags);
    if (!changed) {
      regions_.remove(region.range);
      return std::unexpected(changed.error());
    }
    std::move(*changed).flush(tlb);
    return {};
  }

  /// Backs every lazy page of `range`, which lies in regions. Pages backed before an error stay:
  /// zeroed, the guest cannot tell.
  template <TranslationCache Tlb>
  Result<> back(GuestPhysRange range, Tlb& tlb) {
    GuestPhysAddr at = range.base.align_down(kPageSize);
    while (at < range.end()) {
      const auto slot = table_.lookup(at);
      if (slot.leaf) {
        at = slot.range.end();
        continue;
      }
      if (auto frame = back_page(at, regions_.find(at)->flags, tlb); !frame) {
        return std::unexpected(frame.error());
      }
      at = at + kPageSize;
    }
    return {};
  }

  template <TranslationCache Tlb>
  Result<HostPhysAddr> back_page(GuestPhysAddr page, MappingFlags flags, Tlb& tlb) {
    const std::optional<HostPhysAddr> frame = hal_->allocate_frame();
    if (!frame) return fail(ErrorKind::NoMemory, "back page"sv, "no frame for guest memory"sv);
    hal_->zero_range(*frame, kPageSize);
    auto changed = table_.map({page, kPageSize}, *frame, flags);
    if (!changed) {
      hal_->deallocate_frame(*frame);
      return std::unexpected(changed.error());
    }
    std::move(*changed).flush(tlb);
    return *frame;
  }

  /// Zeroes the single frames of `region`.
  void zero_frames(const Region& region) {
    for (GuestPhysAddr at = region.range.base; at < region.range.end();) {
      const auto slot = table_.lookup(at);
      if (slot.leaf) hal_->zero_range(slot.leaf->hpa, slot.range.size);
      at = slot.range.end();
    }
  }

  /// Unmaps one region's part, then gives its memory back, in that order.
  template <TranslationCache Tlb>
  void unmap_part(const Region& part, Tlb& tlb) {
    if (part.is_linear()) {
      table_.unmap_leaves(part.range).flush(tlb);
      if (part.backing == Backing::Owned) hal_->deallocate_range(part.hpa, part.range.size);
      return;
    }
    GuestPhysAddr at = part.range.base;
    while (at < part.range.end()) at = unmap_frames(at, part.range.end(), tlb);
  }

  /// Unmaps a batch of single frames, flushes once, frees them. Returns where to go on.
  template <TranslationCache Tlb>
  GuestPhysAddr unmap_frames(GuestPhysAddr at, GuestPhysAddr end, Tlb& tlb) {
    std::array<HostPhysAddr, 64> frames;
    std::size_t count = 0;
    const GuestPhysAddr begin = at;
    while (at < end && count < frames.size()) {
      const auto slot = table_.lookup(at);
      if (slot.leaf) frames[count++] = slot.leaf->hpa;
      at = slot.range.end() < end ? slot.range.end() : end;
    }
    table_.unmap_leaves({begin, at - begin}).flush(tlb);
    for (std::size_t i = 0; i < count; ++i) hal_->deallocate_frame(frames[i]);
    return at;
  }

  /// Gives back a region's memory without touching the table.
  void release(const Region& region) {
    if (region.backing == Backing::Owned) hal_->deallocate_range(region.hpa, region.range.size);
    if (region.is_linear()) return;
    for (GuestPhysAddr at = region.range.base; at < region.range.end();) {
      const auto slot = table_.lookup(at);
      if (slot.leaf) hal_->deallocate_frame(slot.leaf->hpa);
      at = slot.range.end();
    }
  }

  /// Calls `f(gpa, bytes, n)` for each leaf's part of `range`; `bytes` is null where none is.
  template <class F>
  void for_each_span(GuestPhysRange range, F&& f) const {
    GuestPhysAddr at = range.base;
    while (at < range.end()) {
      const auto slot = table_.lookup(at);
      const std::uint64_t in_leaf = slot.range.end() - at;
      const std::uint64_t rest = range.end() - at;
      const std::uint64_t size = in_leaf < rest ? in_leaf : rest;
      std::byte* bytes = nullptr;
      if (slot.leaf) bytes = frame_as<std::byte>(*hal_, slot.leaf->hpa + (at - slot.range.base));
      f(at, bytes, static_cast<std::size_t>(size));
      at = at + size;
    }
  }

  H* hal_;
  RegionList regions_;
  PageTable<Format, H> table_;
};

}  // namespace axvm
