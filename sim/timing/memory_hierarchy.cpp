#include <cstddef>
#include <sim/timing/memory_hierarchy.hpp>

namespace axvm::sim::timing {

MemoryHierarchy::MemoryHierarchy(const HierarchyProfile& profile)
    : memory_cycles_(profile.memory_cycles) {
  for (std::size_t i = 0; i < profile.caches.size(); ++i) {
    const DataCache& cache = profile.caches.at(i);
    const auto level = static_cast<Level>(i);
    if (cache.lines == 0) continue;
    if (level < profile.walker_enters) ++walker_enters_;
    if (level == Level::L1) ++fetch_enters_;
    caches_.push_back({LineCache(cache.lines, cache.ways), level, cache.cycles});
  }
  const DataCache& instructions = profile.instructions;
  if (instructions.lines == 0) {
    fetch_enters_ = 0;
  } else {
    instructions_ =
        Cache{LineCache(instructions.lines, instructions.ways), Level::L1, instructions.cycles};
  }
}

MemoryHierarchy::Answer MemoryHierarchy::access_another(std::uint64_t pa) noexcept {
  const std::uint64_t line = pa >> kLineShift;
  // What the first cache has forgotten is seldom what the next ones were asked for last.
  for (Cache& cache : caches_) {
    if (cache.lines.access_another(line)) return answer_of(cache);
  }
  return {Level::Memory, memory_cycles_};
}

MemoryHierarchy::Answer MemoryHierarchy::look(std::uint64_t pa, std::size_t first) noexcept {
  const std::uint64_t line = pa >> kLineShift;
  // Not by number: how many there are would be a division.
  const auto end = caches_.end();
  for (auto cache = caches_.begin() + static_cast<std::ptrdiff_t>(first); cache != end; ++cache) {
    if (cache->lines.access(line)) return answer_of(*cache);
  }
  return {Level::Memory, memory_cycles_};
}

}  // namespace axvm::sim::timing
