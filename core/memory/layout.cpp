#include <core/memory/layout.hpp>

namespace axvm {
namespace {

constexpr bool may_overlap(GuestPhysRange a, OwnerKind a_kind, GuestPhysRange b,
                           OwnerKind b_kind) noexcept {
  const auto are = [=](OwnerKind first, OwnerKind second) {
    return (a_kind == first && b_kind == second) || (a_kind == second && b_kind == first);
  };
  const bool related = are(OwnerKind::Memory, OwnerKind::BootDescription) ||
                       are(OwnerKind::Reserved, OwnerKind::EmulatedDevice);
  return related && (a.contains(b.base, b.size) || b.contains(a.base, a.size));
}

/// Appends in ascending order, as one with the last where both are one window.
void append(Array<PassthroughWindow>& windows, const PassthroughWindow& window) {
  if (!windows.empty()) {
    PassthroughWindow& last = windows[windows.size() - 1];
    if (last.range.end() == window.range.base && last.distance() == window.distance()) {
      last.range.size += window.range.size;
      return;
    }
  }
  windows.emplace_back(window);
}

}  // namespace

std::optional<GuestPhysRange> widen_to_pages(GuestPhysRange range) noexcept {
  if (range.size == 0 || range.base.value + (range.size - 1) < range.base.value) {
    return std::nullopt;
  }
  const GuestPhysAddr last_page = (range.base + (range.size - 1)).align_down(kPageSize);
  if (last_page.value == 0 - kPageSize) return std::nullopt;  // the end would wrap
  const GuestPhysAddr first_page = range.base.align_down(kPageSize);
  return GuestPhysRange{first_page, last_page - first_page + kPageSize};
}

std::optional<PassthroughWindow> widen_window(PassthroughWindow window) noexcept {
  const auto guest = widen_to_pages(window.range);
  const auto host = widen_to_pages({GuestPhysAddr(window.hpa.value), window.range.size});
  if (!guest || !host || window.distance() % kPageSize != 0) return std::nullopt;
  return PassthroughWindow{*guest, HostPhysAddr(host->base.value)};
}

bool contradict(const PassthroughWindow& a, const PassthroughWindow& b) noexcept {
  return a.range.overlaps(b.range) && a.distance() != b.distance();
}

LayoutPlanner::LayoutPlanner(Allocator allocator, AddressSpacePolicy policy, GuestPhysRange space,
                             Array<Owner> owners, Array<PassthroughWindow> explicit_windows,
                             Array<GuestPhysRange> holes) noexcept
    : allocator_(allocator),
      policy_(policy),
      space_(space),
      owners_(std::move(owners)),
      windows_(std::move(explicit_windows)),
      holes_(std::move(holes)) {}

Result<LayoutPlanner> LayoutPlanner::try_make(Allocator allocator, AddressSpacePolicy policy,
                                              GuestPhysRange space, std::size_t capacity) {
  auto owners = Array<Owner>::try_make(allocator, capacity);
  if (!owners) return std::unexpected(owners.error());
  auto windows = Array<PassthroughWindow>::try_make(allocator, capacity);
  if (!windows) return std::unexpected(windows.error());
  auto holes = Array<GuestPhysRange>::try_make(allocator, capacity);
  if (!holes) return std::unexpected(holes.error());
  return LayoutPlanner(allocator, policy, space, std::move(*owners), std::move(*windows),
                       std::move(*holes));
}

Result<> LayoutPlanner::check_space(std::optional<GuestPhysRange> range) const {
  if (!range || !space_.contains(range->base, range->size)) {
    return fail(ErrorKind::InvalidInput, "plan layout"sv,
                "the range is empty or outside the guest address space"sv);
  }
  if (holes_.full()) return fail(ErrorKind::NoMemory, "plan layout"sv, "too many ranges"sv);
  return {};
}

void LayoutPlanner::add_hole(GuestPhysRange range) {
  std::size_t i = holes_.size();
  while (i > 0 && holes_[i - 1].base > range.base) --i;
  holes_.insert(i, range);
}

Result<> LayoutPlanner::reserve(GuestPhysRange range, OwnerKind kind) {
  const auto pages = widen_to_pages(range);
  if (auto checked = check_space(pages); !checked) return checked;
  for (const Owner& owner : owners_) {
    if (owner.range.overlaps(range) && !may_overlap(owner.range, owner.kind, range, kind)) {
      return fail(ErrorKind::AlreadyExists, "plan layout"sv, "the range has another owner"sv);
    }
  }
  for (const PassthroughWindow& window : windows_) {
    if (window.range.overlaps(*pages)) {
      return fail(ErrorKind::AlreadyExists, "plan layout"sv, "the range overlaps a window"sv);
    }
  }
  owners_.emplace_back(range, kind);
  add_hole(*pages);
  return {};
}

Result<> LayoutPlanner::pass_through(PassthroughWindow window) {
  const auto widened = widen_window(window);
  if (!widened) {
    return fail(
        ErrorKind::InvalidInput, "plan layout"sv,
        "the window is empty, wraps, or its ends lie at different offsets in their pages"sv);
  }
  if (auto checked = check_space(widened->range); !checked) return checked;
  PassthroughWindow merged = *widened;
  if (policy_ == AddressSpacePolicy::Passthrough && merged.distance() == 0) return {};

  for (const Owner& owner : owners_) {
    if (widen_to_pages(owner.range)->overlaps(merged.range)) {
      return fail(ErrorKind::AlreadyExists, "plan layout"sv,
                  "the window overlaps memory or an emulated device"sv);
    }
  }
  for (const PassthroughWindow& other : windows_) {
    if (contradict(other, merged)) {
      return fail(ErrorKind::AlreadyExists, "plan layout"sv,
                  "the window overlaps one that leads elsewhere"sv);
    }
  }
  std::size_t place = 0;
  for (std::size_t i = 0; i < windows_.size();) {
    const PassthroughWindow other = windows_[i];
    if (!other.range.overlaps(merged.range)) {
      if (other.range.base < merged.range.base) place = i + 1;
      ++i;
      continue;
    }
    const GuestPhysAddr end =
        other.range.end() > merged.range.end() ? other.range.end() : merged.range.end();
    if (other.range.base < merged.range.base) {
      merged.hpa = other.hpa;
      merged.range.base = other.range.base;
    }
    merged.range.size = end - merged.range.base;
    windows_.erase(i);
  }
  windows_.insert(place, merged);
  add_hole(widened->range);
  return {};
}

Result<> LayoutPlanner::add(const VmConfig& config) {
  Result<> done;
  for (const MemoryRegionConfig& region : config.memory_regions) {
    if (done) done = reserve({region.gpa, region.size}, OwnerKind::Memory);
  }
  for (const EmulatedDeviceConfig& device : config.emulated_devices) {
    if (done) done = reserve({device.base_gpa, device.length}, OwnerKind::EmulatedDevice);
  }
  for (const PassthroughDeviceConfig& device : config.passthrough_devices) {
    if (done) done = pass_through({{device.base_gpa, device.length}, device.base_hpa});
  }
  return done;
}

Result<> LayoutPlanner::hide(GuestPhysRange range) {
  if (holes_.full()) return fail(ErrorKind::NoMemory, "plan layout"sv, "too many ranges"sv);
  if (range.size != 0) add_hole(range);
  return {};
}

Result<Array<PassthroughWindow>> LayoutPlanner::windows() const {
  // Before each hole at most one piece of the identity window, and one after the last.
  auto all = Array<PassthroughWindow>::try_make(allocator_, windows_.size() + holes_.size() + 1);
  if (!all) return all;
  std::size_t next = 0;
  const auto add_windows_below = [&](GuestPhysAddr limit) {
    while (next < windows_.size() && windows_[next].range.base < limit) {
      append(*all, windows_[next++]);
    }
  };
  GuestPhysAddr at = space_.base;
  const auto add_identity_up_to = [&](GuestPhysAddr end) {
    if (policy_ != AddressSpacePolicy::Passthrough || at >= end) return;
    append(*all, {{at, end - at}, HostPhysAddr(at.value)});
  };
  for (const GuestPhysRange& hole : holes_) {
    const GuestPhysAddr begin = hole.base < space_.end() ? hole.base : space_.end();
    add_windows_below(at);
    add_identity_up_to(begin);
    if (hole.end() > at) at = hole.end();
  }
  add_windows_below(at);
  add_identity_up_to(space_.end());
  add_windows_below(space_.end());
  return all;
}

}  // namespace axvm
