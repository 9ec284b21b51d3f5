#include <sim/timing/memory_hierarchy.hpp>
#include <span>

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
  Cache& first = caches_.front();
  return first.lines.access_another(pa >> kLineShift) ? answer_of(first) : look(pa, 1);
}

MemoryHierarchy::Answer MemoryHierarchy::look(std::uint64_t pa, std::size_t first) noexcept {
  const std::uint64_t line = pa >> kLineShift;
  for (Cache& cache : std::span(caches_).subspan(first)) {
    if (cache.lines.access(line)) return answer_of(cache);
  }
  return {Level::Memory, memory_cycles_};
}

}  // namespace axvm::sim::timing
