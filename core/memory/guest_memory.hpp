#pragma once
// The memory behind the regions of an address space: leaves, frames and bytes.

#include <array>
#include <axvm/address.hpp>
#include <axvm/function_ref.hpp>
#include <axvm/guest_object.hpp>
#include <axvm/mapping.hpp>
#include <axvm/memory.hpp>
#include <axvm/result.hpp>
#include <axvm/state.hpp>
#include <bit>
#include <core/memory/dirty_log.hpp>
#include <core/memory/layout.hpp>
#include <core/memory/mapping_digest.hpp>
#include <core/memory/page_table.hpp>
#include <core/memory/region.hpp>
#include <cstring>
#include <optional>
#include <span>
#include <string_view>

namespace axvm {

/// What can be done with an address space without changing its regions: see AddressSpace. Leaves
/// permit what their region does, but for writes to clean pages of dirty logs.
template <PageTableFormat Format, class H>
class GuestMemory {
 public:
  GuestMemory(GuestMemory&&) = default;
  GuestMemory& operator=(GuestMemory&&) = delete;
  /// Gives everything back. No CPU may be able to use the table any more.
  ~GuestMemory() {
    for (const Region& region : regions_.regions()) release(region);
  }

  [[nodiscard]] HostPhysAddr root() const noexcept { return table_.root(); }
  [[nodiscard]] PageTableGeometry geometry() const noexcept { return table_.geometry(); }
  /// All guest-physical addresses that there are.
  [[nodiscard]] GuestPhysRange reach() const noexcept { return {GuestPhysAddr(), table_.reach()}; }
  /// In ascending order.
  [[nodiscard]] std::span<const Region> regions() const noexcept { return regions_.regions(); }
  /// Whether the guest has memory in all of `range`, touched or not.
  [[nodiscard]] bool is_memory(GuestPhysRange range) const noexcept {
    return regions_.is_memory(range);
  }

  /// From now on stage 2 says nothing of `types`, Device or Uncached: the hardware does not know
  /// them, and each host-physical address is of the type that it has by itself. Regions keep them.
  void omit(MappingFlags types) noexcept { table_.omit(types); }

  using Mapping = typename PageTable<Format, H>::Mapping;
  /// Where stage 2 leads now, what it permits there, and by which size of leaf.
  [[nodiscard]] std::optional<Mapping> query(GuestPhysAddr gpa) const { return table_.query(gpa); }
  [[nodiscard]] std::optional<HostPhysAddr> translate(GuestPhysAddr gpa) const {
    const auto mapping = query(gpa);
    return mapping ? std::optional(mapping->hpa) : std::nullopt;
  }
  /// Where `gpa` leads, and how many bytes from there on lie side by side in guest and host;
  /// nothing when it is not mapped.
  struct Stretch {
    HostPhysAddr hpa;
    std::uint64_t size = 0;
  };
  [[nodiscard]] std::optional<Stretch> translate_stretch(GuestPhysAddr gpa) const {
    const auto slot = table_.lookup(gpa);
    if (!slot.leaf) return std::nullopt;
    const Region* region = regions_.find(gpa);
    const GuestPhysAddr end =
        region != nullptr && region->is_linear() ? region->range.end() : slot.range.end();
    return Stretch{slot.leaf->hpa + (gpa - slot.range.base), end - gpa};
  }

  /// What the table maps, if that is not what it was at the last call.
  [[nodiscard]] std::optional<MappingDigest> take_changed_digest() {
    if (std::exchange(changes_at_digest_, table_.changes()) == table_.changes())
      return std::nullopt;
    MappingDigester digester;
    table_.walk(reach(), [&](const auto& slot) {
      if (!slot.leaf) return true;
      const Region* region = regions_.find(slot.range.base);
      std::optional<std::uint64_t> offset;
      if (region != nullptr && region->is_linear()) offset = slot.leaf->hpa - region->hpa;
      digester.add(slot.range, slot.leaf->flags, offset);
      return true;
    });
    const MappingDigest now = digester.finish();
    if (std::exchange(digest_, now) == now) return std::nullopt;
    return now;
  }

  /// Regions and logs; the table and what it leads to are in RAM.
  void describe(StateVisitor& visitor) {
    table_.describe(visitor);
    regions_.describe(visitor);
    logs_.describe(visitor);
    // Not part of the state, which does not depend on who listens: told anew.
    if (visitor.restores()) digest_ = {}, changes_at_digest_ = ~std::uint64_t{0};
  }

  // --- bytes ----------------------------------------------------------------------------------

  /// Visits the memory behind `range`, any bytes, in ascending order, backing lazy pages first;
  /// neighbours in host memory come as one span. What the visitor writes is published. All of it
  /// is visited, or none. Errors: BadAddress (part of it is not memory), NoMemory.
  template <TranslationCache Tlb>
  Result<> visit(GuestPhysRange range, Tlb& tlb, FunctionRef<void(std::span<std::byte>)> visitor) {
    if (auto ready = prepare_write(range, tlb); !ready) return ready;
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

  /// Copies guest memory; lazy pages that were never touched read as zeroes. Aligned accesses of 1,
  /// 2, 4 and 8 bytes are single ones. Errors: BadAddress (part of it is not memory), and nothing
  /// is copied.
  Result<> read(GuestPhysAddr gpa, std::span<std::byte> to) const {
    const GuestPhysRange range{gpa, to.size()};
    if (auto checked = check_memory(range); !checked) return checked;
    for_each_span(range, [&](GuestPhysAddr at, const std::byte* bytes, std::size_t n) {
      std::byte* out = to.data() + (at - gpa);
      if (bytes != nullptr) {
        copy_from_guest(out, bytes, n);
      } else {
        std::memset(out, 0, n);
      }
    });
    return {};
  }
  /// Copies into guest memory, backing lazy pages first; also where the guest may not write.
  /// Accesses as above. Errors: BadAddress, NoMemory, and nothing is copied.
  template <TranslationCache Tlb>
  Result<> write(GuestPhysAddr gpa, std::span<const std::byte> from, Tlb& tlb) {
    const GuestPhysRange range{gpa, from.size()};
    if (auto ready = prepare_write(range, tlb); !ready) return ready;
    for_each_span(range, [&](GuestPhysAddr at, std::byte* bytes, std::size_t n) {
      copy_to_guest(bytes, from.data() + (at - gpa), n);
      tlb.publish_data({bytes, n});
    });
    return {};
  }

  /// Reads an object. Errors: InvalidInput (`gpa` is no multiple of alignof(T)), and as read.
  template <GuestObject T>
  [[nodiscard]] Result<T> read_object(GuestPhysAddr gpa) const {
    if (auto aligned = check_aligned<T>(gpa); !aligned) return std::unexpected(aligned.error());
    std::array<std::byte, sizeof(T)> bytes;
    if (auto done = read(gpa, bytes); !done) return std::unexpected(done.error());
    return std::bit_cast<T>(bytes);
  }
  /// Writes an object. Errors: InvalidInput (`gpa` is no multiple of alignof(T)), and as write.
  template <GuestObject T, TranslationCache Tlb>
  Result<> write_object(GuestPhysAddr gpa, const T& object, Tlb& tlb) {
    if (auto aligned = check_aligned<T>(gpa); !aligned) return aligned;
    return write(gpa, std::as_bytes(std::span(&object, 1)), tlb);
  }

 protected:
  using Table = PageTable<Format, H>;

  GuestMemory(H& hal, RegionList regions, DirtyLogs logs, Table table) noexcept
      : hal_(&hal),
        regions_(std::move(regions)),
        logs_(std::move(logs)),
        table_(std::move(table)) {}

  Result<> check(std::string_view operation, GuestPhysRange range) const {
    if (range.size == 0 || !range.base.is_aligned(kPageSize) || range.size % kPageSize != 0) {
      return fail(ErrorKind::InvalidInput, operation, "range is empty or not 4 KiB aligned"sv);
    }
    if (!reach().contains(range.base, range.size)) {
      return fail(ErrorKind::InvalidInput, operation, "range is beyond the guest address space"sv);
    }
    return {};
  }

  /// Calls `f(part)` for each region's share of `range`, in ascending order.
  template <class F>
  void for_each_part(GuestPhysRange range, F&& f) const {
    for (GuestPhysAddr at = range.base; at < range.end();) {
      const Region* found = regions_.first_after(at);
      if (found == nullptr || found->range.base >= range.end()) return;
      const Region part = found->clipped(range);
      f(part);
      at = part.range.end();
    }
  }

  static MappingFlags watched_flags(const Region& region) noexcept {
    return region.flags & ~MappingFlags::Write;
  }
  /// Gives the leaves of a region's part what they shall permit: what the region does, but for
  /// writes to clean pages of logs. Precondition: no block lies across an end of the part.
  template <TranslationCache Tlb>
  void apply_flags(const Region& part, Tlb& tlb) {
    for (GuestPhysAddr at = part.range.base; at < part.range.end();) {
      DirtyLogs::Run run{part.range.end(), false};
      if (part.is_memory) run = logs_.run_from(at, part.range.end());
      const MappingFlags flags = run.is_watched ? watched_flags(part) : part.flags;
      auto changed = table_.protect({at, run.end - at}, flags, tlb);
      if (changed) std::move(*changed).flush(tlb);  // always: there is no block to split
      at = run.end;
    }
  }

  /// Makes all of `range` writable for the VMM, and logged as written.
  template <TranslationCache Tlb>
  Result<> prepare_write(GuestPhysRange range, Tlb& tlb) {
    if (auto checked = check_memory(range); !checked) return checked;
    if (auto backed = back(range, tlb); !backed) return backed;
    logs_.mark(range);
    return {};
  }
  /// Backs every lazy page of `range`, which lies in regions. Pages backed before an error stay:
  /// they are zeroed, and a guest that runs meanwhile may have used them.
  template <TranslationCache Tlb>
  Result<> back(GuestPhysRange range, Tlb& tlb) {
    if (range.size == 0) return {};  // which lies anywhere
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

  /// Unmaps one region's part, then gives its memory back, in that order.
  template <TranslationCache Tlb>
  void unmap_part(const Region& part, Tlb& tlb) {
    if (part.is_linear()) {
      table_.unmap_leaves(part.range).flush(tlb);
      if (part.backing == Backing::Identical) hal_->deallocate_range(part.hpa, part.range.size);
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
    if (region.backing == Backing::Identical) {
      hal_->deallocate_range(region.hpa, region.range.size);
    }
    if (region.is_linear()) return;
    for_each_frame(region.range, [&](HostPhysAddr hpa) { hal_->deallocate_frame(hpa); });
  }

  /// Calls `f(hpa)` for each single frame that backs `range`.
  template <class F>
  void for_each_frame(GuestPhysRange range, F&& f) const {
    table_.walk(range, [&](const auto& slot) {
      if (slot.leaf) f(slot.leaf->hpa);
      return true;
    });
  }
  /// Calls `f(gpa, bytes, n)` for each leaf's part of `range`; `bytes` is null where none is.
  template <class F>
  void for_each_span(GuestPhysRange range, F&& f) const {
    const auto pages = widen_to_pages(range);
    if (!pages) return;
    table_.walk(*pages, [&](const auto& slot) {
      const GuestPhysAddr at = slot.range.base > range.base ? slot.range.base : range.base;
      const GuestPhysAddr end = slot.range.end() < range.end() ? slot.range.end() : range.end();
      std::byte* bytes = nullptr;
      if (slot.leaf) bytes = frame_as<std::byte>(*hal_, slot.leaf->hpa + (at - slot.range.base));
      f(at, bytes, static_cast<std::size_t>(end - at));
      return true;
    });
  }

  H* hal_;
  RegionList regions_;
  DirtyLogs logs_;
  Table table_;

 private:
  std::uint64_t changes_at_digest_ = 0;
  MappingDigest digest_;

  Result<> check_memory(GuestPhysRange range) const {
    if (!regions_.is_memory(range)) {
      return fail(ErrorKind::BadAddress, "access guest memory"sv,
                  "part of the range is no memory"sv);
    }
    return {};
  }
  template <class T>
  static Result<> check_aligned(GuestPhysAddr gpa) {
    if (gpa.is_aligned(alignof(T))) return {};
    return fail(ErrorKind::InvalidInput, "access guest memory"sv, "the object is not aligned"sv);
  }
};

}  // namespace axvm
