// Many accesses in a row, of which most are to a line and a page that were used not long ago.

#include <sim/timing/timing_mmu.hpp>

namespace axvm::sim::timing {

namespace {
constexpr std::uint64_t kNoLine = ~std::uint64_t{0};
}  // namespace

template <bool kForesee>
std::size_t TimingMmu::access_in_row(std::uint64_t base, std::span<const Reference> references) {
  const LineCache* const lines = hierarchy_.first();
  if (lines == nullptr) {
    for (std::size_t i = 0; i < references.size(); ++i) {
      const Reference& reference = references[i];
      if (!access(base + reference.offset, reference.access, reference.waits)) return i;
    }
    return references.size();
  }
  const LineCache::LastUsed last_used = lines->last_used();
  const MemoryHierarchy::Answer first = hierarchy_.first_answer();
  // What each access changes is apart from what misses change, so that it stays in registers; what
  // can be said of many accesses at once is counted when something else begins.
  AccessClock clock = clock_;
  Recent recent = recent_;
  std::size_t recent_since = 0;
  std::size_t elsewhere = 0;  // accesses that were not of the first cache's last lines
  const auto count_recent = [&](std::size_t until) {
    const std::size_t accesses = until - recent_since;
    counters_.translation_cycles += accesses * recent.cycles;
    if (recent.fetch) counters_.fetches += accesses;
  };
  std::size_t begun = 0;
  std::uint64_t last_line = kNoLine;  // of virtual addresses; its page is the recent one
  bool found = true;
  if constexpr (kForesee) foresight_.restart();
  while (found && begun < references.size()) {
    if constexpr (kForesee) foresight_.before(begun, base, references);
    const Reference& reference = references[begun++];
    const std::uint64_t va = base + reference.offset;
    const std::uint64_t line = va >> MemoryHierarchy::kLineShift;
    const bool fetch = reference.access == Access::Fetch;
    clock.start(reference.waits);
    if (line == last_line && fetch == recent.fetch) {
      clock.finish(clock.begin + recent.cycles + first.cycles);
      continue;
    }
    std::uint64_t ready = clock.begin + recent.cycles;
    std::uint64_t pa = va + recent.distance;
    if (!recent.has(va, fetch)) {
      count_recent(begun - 1);
      std::uint64_t translated = clock.begin;
      found = translate(va, reference.access, translated, pa);
      recent = recent_;
      recent_since = begun;
      if (fetch) ++counters_.fetches;
      if (!found) {
        ++nowhere_;
        ++elsewhere;
        clock.finish(translated);
        continue;
      }
      ready = translated;
      counters_.translation_cycles += ready - clock.begin;
    }
    last_line = recent.size == 0 ? kNoLine : line;
    std::uint32_t cycles = first.cycles;
    if (!last_used.has(pa >> MemoryHierarchy::kLineShift)) {
      const MemoryHierarchy::Answer answer = hierarchy_.access_another(pa);
      ++counters_.data[static_cast<std::size_t>(answer.level)];
      ++elsewhere;
      cycles = answer.cycles;
    }
    clock.finish(ready + cycles);
  }
  clock_ = clock;
  count_recent(begun);
  counters_.data[static_cast<std::size_t>(first.level)] += begun - elsewhere;
  return found ? begun : begun - 1;
}

template std::size_t TimingMmu::access_in_row<false>(std::uint64_t, std::span<const Reference>);
template std::size_t TimingMmu::access_in_row<true>(std::uint64_t, std::span<const Reference>);

}  // namespace axvm::sim::timing
