#include <algorithm>
#include <array>
#include <cstring>
#include <sim/timing/walker.hpp>

namespace axvm::sim::timing {
namespace {

constexpr std::uint64_t offset(std::uint64_t address, unsigned shift) noexcept {
  return address & ((1ULL << shift) - 1);
}

// The size of the block around `va` that leads to memory in a row when stage 1 has a block of this
// size around it, and stage 2 one around `ipa`, which it leads to. Blocks of addresses are aligned,
// what they lead to need not be.
constexpr unsigned common_run(std::uint64_t va, unsigned run1, std::uint64_t ipa,
                              unsigned run2) noexcept {
  unsigned shift = std::min(run1, run2);
  const auto fits = [&] {
    const std::uint64_t first = ipa - offset(va, shift);
    return (first ^ (first + (1ULL << shift) - 1)) >> run2 == 0;
  };
  while (!fits()) --shift;
  return shift;
}

}  // namespace

Walker::Walker(const Profile& profile, const PhysicalMemory& memory, MemoryHierarchy& hierarchy,
               Counters& counters)
    : memory_(memory),
      hierarchy_(hierarchy),
      counters_(counters),
      walk_caches1_(make(profile.stage1_walk_caches)),
      walk_caches2_(make(profile.stage2_walk_caches)) {
  for (const IpaCacheProfile& cache : profile.ipa_caches) {
    ipa_caches_.push_back(
        {PageCache(cache.shape, ipa_caches_.size() + 1), as_bits(cache.page_shifts)});
  }
}

std::vector<Walker::WalkCache> Walker::make(const std::vector<WalkCacheProfile>& profiles) {
  std::vector<WalkCache> caches;
  for (const WalkCacheProfile& cache : profiles) {
    const std::uint64_t heights = cache.heights.empty() ? ~0ULL : as_bits(cache.heights);
    caches.push_back({PageCache(cache.shape, caches.size() + 1), heights});
  }
  return caches;
}

// PageCache looks for small pages first, which are the tables furthest down.
Walker::Start Walker::start(std::vector<WalkCache>& caches, const Stage& stage,
                            std::uint64_t address, SpaceNumber space, std::uint64_t& hits) {
  Start best{stage.root, stage.format->levels - 1};
  for (WalkCache& cache : caches) {
    const PageCache::Entry* const entry = cache.pages.find(address, space);
    if (entry == nullptr) continue;
    const unsigned height =
        (entry->shift - stage.format->page_shift) / stage.format->index_bits - 1;
    if (height < best.height) best = {entry->value, height};
  }
  if (best.height + 1 < stage.format->levels) ++hits;
  return best;
}

void Walker::note_table(std::vector<WalkCache>& caches, const TableFormat& format,
                        std::uint64_t address, unsigned height, SpaceNumber space,
                        std::uint64_t table) {
  for (WalkCache& cache : caches) {
    if ((cache.heights >> height & 1) == 0) continue;
    cache.pages.insert(address, format.entry_shift(height + 1), space, table);
  }
}

std::optional<Descriptor> Walker::read(const TableFormat& format, std::uint64_t pa, unsigned height,
                                       References& references, std::uint32_t& cycles) {
  const std::uint8_t* const bytes = memory_.at(pa);
  if (bytes == nullptr) return std::nullopt;
  __builtin_prefetch(bytes);
  hierarchy_.foresee_walk(pa);
  const MemoryHierarchy::Answer answer = hierarchy_.walk(pa);
  ++references[height][static_cast<std::size_t>(answer.level)];
  cycles += answer.cycles;
  std::uint64_t entry = 0;
  std::memcpy(&entry, bytes, sizeof entry);
  const Descriptor descriptor = format.decode(entry, height);
  if (descriptor.kind == Descriptor::Kind::Invalid) return std::nullopt;
  return descriptor;
}

unsigned Walker::run_shift(const TableFormat& format, std::uint64_t pa, unsigned height) const {
  const unsigned page = format.entry_shift(height);
  if (!looks_beside_) return page;
  constexpr std::uint64_t kEntries = (1ULL << MemoryHierarchy::kLineShift) / 8;
  const std::uint64_t number = pa / 8 % kEntries;
  const std::uint8_t* const line = memory_.at(pa - number * 8);
  std::array<Descriptor, kEntries> entries;
  for (std::uint64_t i = 0; i < kEntries; ++i) {
    std::uint64_t entry = 0;
    std::memcpy(&entry, line + i * 8, sizeof entry);
    entries.at(i) = format.decode(entry, height);
  }
  const auto follows = [&](std::uint64_t i) {
    return entries.at(i).kind == Descriptor::Kind::Leaf &&
           entries.at(i).global == entries.at(number).global &&
           entries.at(i).address - entries.at(number).address == (i - number) << page;
  };
  unsigned bits = 0;
  for (std::uint64_t size = 2; size <= kEntries; size *= 2) {
    const std::uint64_t first = number & ~(size - 1);
    for (std::uint64_t i = first; i < first + size; ++i) {
      if (!follows(i)) return page + bits;
    }
    ++bits;
  }
  return page + bits;
}

std::optional<Translation> Walker::walk_stage2(std::uint64_t ipa, SpaceNumber vm,
                                               std::uint32_t& cycles) {
  if (stage2_.refuses) return std::nullopt;
  const TableFormat& format = *stage2_.format;
  if (format.input_bits < 64 && ipa >> format.input_bits != 0) return std::nullopt;
  Start at = start(walk_caches2_, stage2_, ipa, vm, counters_.stage2_walk_cache_hits);
  for (;;) {
    const std::uint64_t pa = at.table + format.index(ipa, at.height) * 8;
    const auto entry = read(format, pa, at.height, counters_.stage2, cycles);
    if (!entry) return std::nullopt;
    if (entry->kind == Descriptor::Kind::Leaf) {
      const unsigned shift = format.entry_shift(at.height);
      return Translation{.address = entry->address + offset(ipa, shift + entry->run_bits),
                         .page_shift = shift,
                         .run_shift = run_shift(format, pa, at.height)};
    }
    at = {entry->address, at.height - 1};
    note_table(walk_caches2_, format, ipa, at.height, vm, at.table);
  }
}

std::optional<Translation> Walker::stage2(std::uint64_t ipa, SpaceNumber vm,
                                          std::uint32_t& cycles) {
  if (stage2_.format == nullptr) {
    return Translation{.address = ipa, .page_shift = 63, .run_shift = 63};
  }
  for (IpaCache& cache : ipa_caches_) {
    const PageCache::Entry* const entry = cache.pages.find(ipa, vm);
    if (entry == nullptr) continue;
    ++counters_.ipa_cache_hits;
    return Translation{.address = entry->value + offset(ipa, entry->shift),
                       .page_shift = entry->shift,
                       .run_shift = entry->shift};
  }
  if (!ipa_caches_.empty()) ++counters_.ipa_cache_misses;
  const auto found = walk_stage2(ipa, vm, cycles);
  if (!found) return found;
  for (IpaCache& cache : ipa_caches_) {
    if (cache.shifts != 0 && (cache.shifts >> found->page_shift & 1) == 0) continue;
    cache.pages.insert(ipa, found->page_shift, vm, found->address - offset(ipa, found->page_shift));
  }
  return found;
}

std::optional<Translation> Walker::walk(std::uint64_t va, SpaceNumber space, SpaceNumber vm,
                                        std::uint32_t& cycles) {
  const Stage& stage1 = this->stage1(va);
  if (stage1.format == nullptr) {
    auto found = stage2(va, vm, cycles);
    if (found) found->leaf_shift = found->page_shift;
    return found;
  }
  const TableFormat& format = *stage1.format;
  const std::uint64_t input = va ^ stage1.sign;
  if (stage1.refuses || input >> format.input_bits != 0) return std::nullopt;
  Start at = start(walk_caches1_, stage1, va, space, counters_.stage1_walk_cache_hits);
  for (;;) {
    const auto pa = stage2(at.table + format.index(input, at.height) * 8, vm, cycles);
    if (!pa) return std::nullopt;
    const auto entry = read(format, pa->address, at.height, counters_.stage1, cycles);
    if (!entry) return std::nullopt;
    if (entry->kind == Descriptor::Kind::Leaf) {
      const unsigned shift = format.entry_shift(at.height);
      const std::uint64_t ipa = entry->address + offset(va, shift + entry->run_bits);
      auto found = stage2(ipa, vm, cycles);
      if (!found) return found;
      found->run_shift =
          common_run(va, run_shift(format, pa->address, at.height), ipa, found->run_shift);
      found->page_shift = std::min(found->page_shift, shift);
      found->leaf_shift = shift;
      found->global = entry->global;
      return found;
    }
    at = {entry->address, at.height - 1};
    note_table(walk_caches1_, format, va, at.height, space, at.table);
  }
}

}  // namespace axvm::sim::timing
