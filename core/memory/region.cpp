#include <core/memory/region.hpp>

namespace axvm {
namespace {

constexpr Backing kLastBacking = Backing::Passthrough;

}  // namespace

std::string_view to_string(Backing backing) noexcept {
  switch (backing) {
    case Backing::Linear: return "linear"sv;
    case Backing::Identical: return "identical"sv;
    case Backing::Reserved: return "reserved"sv;
    case Backing::Eager: return "eager"sv;
    case Backing::Lazy: return "lazy"sv;
    case Backing::Passthrough: return "passthrough"sv;
  }
  return "unknown"sv;
}

Region Region::clipped(GuestPhysRange part) const noexcept {
  const GuestPhysAddr begin = part.base > range.base ? part.base : range.base;
  const GuestPhysAddr end = part.end() < range.end() ? part.end() : range.end();
  Region result = *this;
  result.range = {begin, end - begin};
  if (is_linear()) result.hpa = hpa + (begin - range.base);
  return result;
}

Result<RegionList> RegionList::try_make(Allocator allocator, std::size_t capacity) {
  auto regions = Array<Region>::try_make(allocator, capacity);
  if (!regions) return std::unexpected(regions.error());
  return RegionList(std::move(*regions));
}

std::size_t RegionList::index_after(GuestPhysAddr gpa) const noexcept {
  std::size_t low = 0;
  std::size_t high = regions_.size();
  while (low < high) {
    const std::size_t middle = (low + high) / 2;
    if (regions_[middle].range.end() > gpa) {
      high = middle;
    } else {
      low = middle + 1;
    }
  }
  return low;
}

const Region* RegionList::first_after(GuestPhysAddr gpa) const noexcept {
  const std::size_t i = index_after(gpa);
  return i < regions_.size() ? &regions_[i] : nullptr;
}

const Region* RegionList::find(GuestPhysAddr gpa) const noexcept {
  const Region* region = first_after(gpa);
  return region != nullptr && region->range.contains(gpa) ? region : nullptr;
}

bool RegionList::is_memory(GuestPhysRange range) const noexcept {
  if (range.end() < range.base) return false;
  GuestPhysAddr at = range.base;
  while (at < range.end()) {
    const Region* region = find(at);
    if (region == nullptr || !region->is_memory) return false;
    at = region->range.end();
  }
  return true;
}

Result<> RegionList::add(const Region& region) {
  const std::size_t i = index_after(region.range.base);
  if (i < regions_.size() && regions_[i].range.overlaps(region.range)) {
    return fail(ErrorKind::AlreadyExists, "map"sv, "the range overlaps a region that is mapped"sv);
  }
  if (regions_.full()) return fail(ErrorKind::NoMemory, "map"sv, "too many regions"sv);
  regions_.insert(i, region);
  return {};
}

std::optional<GuestPhysAddr> RegionList::find_free(GuestPhysAddr hint, std::uint64_t size,
                                                   GuestPhysRange limit) const noexcept {
  GuestPhysAddr at = hint > limit.base ? hint : limit.base;
  for (std::size_t i = index_after(at); limit.contains(at, size); ++i) {
    const bool free = i == regions_.size() || !regions_[i].range.overlaps({at, size});
    if (free) return at;
    at = regions_[i].range.end();
  }
  return std::nullopt;
}

bool RegionList::cuts(GuestPhysAddr gpa) const noexcept {
  const Region* region = find(gpa);
  return region != nullptr && region->range.base != gpa;
}

bool RegionList::can_remove(GuestPhysRange range) const noexcept {
  const Region* region = find(range.base);
  const bool splits =
      region != nullptr && region->range.base < range.base && region->range.end() > range.end();
  return !splits || !regions_.full();
}

void RegionList::remove(GuestPhysRange range) {
  std::size_t i = index_after(range.base);
  while (i < regions_.size() && regions_[i].range.overlaps(range)) {
    const Region old = regions_[i];
    regions_.erase(i);
    if (old.range.base < range.base) {
      regions_.insert(i++, old.clipped({old.range.base, range.base - old.range.base}));
    }
    if (old.range.end() > range.end()) {
      regions_.insert(i++, old.clipped({range.end(), old.range.end() - range.end()}));
    }
  }
}

bool RegionList::can_split(GuestPhysRange range) const noexcept {
  const std::size_t needed = std::size_t{cuts(range.base)} + std::size_t{cuts(range.end())};
  return needed <= regions_.room();
}

void RegionList::split(GuestPhysRange range) {
  split_at(range.base);
  split_at(range.end());
}

void RegionList::split_at(GuestPhysAddr gpa) {
  if (!cuts(gpa)) return;
  const std::size_t i = index_after(gpa);
  const Region whole = regions_[i];
  regions_[i] = whole.clipped({gpa, whole.range.end() - gpa});
  regions_.insert(i, whole.clipped({whole.range.base, gpa - whole.range.base}));
}

void RegionList::permit(GuestPhysRange range, MappingFlags access) {
  for (std::size_t i = index_after(range.base);
       i < regions_.size() && regions_[i].range.base < range.end(); ++i) {
    regions_[i].flags = (regions_[i].flags & ~kReadWriteExecute) | access;
  }
}

void RegionList::describe(StateVisitor& visitor) {
  std::uint64_t count = regions_.size();
  visitor.field("regions"sv, count);
  // A restored state may be anything, but regions stay sorted and disjoint.
  if (count > regions_.capacity()) count = regions_.capacity();
  for (std::uint64_t i = 0; i < count; ++i) {
    Region region = i < regions_.size() ? regions_[i] : Region{};
    visitor.enter("region"sv, i);
    visitor.field("base"sv, region.range.base.value);
    visitor.field("size"sv, region.range.size);
    visitor.field("hpa"sv, region.hpa.value);
    visitor.value("flags"sv, region.flags);
    visitor.value("backing"sv, region.backing);
    visitor.value("is_memory"sv, region.is_memory);
    visitor.leave();
    if (!visitor.restores()) continue;
    while (regions_.size() > i) regions_.erase(regions_.size() - 1);
    const GuestPhysRange range = region.range;
    const bool fits = range.end() > range.base && range.base.is_aligned(kPageSize) &&
                      range.size % kPageSize == 0 && region.backing <= kLastBacking;
    if (!fits || !add(region)) return;
  }
  while (regions_.size() > count) regions_.erase(regions_.size() - 1);
}

}  // namespace axvm
