#include <sim/timing/memory_hierarchy.hpp>

namespace axvm::sim::timing {

MemoryHierarchy::MemoryHierarchy(const HierarchyProfile& profile)
    : memory_cycles_(profile.memory_cycles), walker_enters_(profile.walker_enters) {
  for (std::size_t i = 0; i < profile.caches.size(); ++i) {
    const DataCache& cache = profile.caches[i];
    if (cache.shape.entries == 0) continue;
    caches_.push_back({TagArray(cache.shape, i + 1), static_cast<Level>(i), cache.cycles});
  }
}

void MemoryHierarchy::clear() noexcept {
  for (Cache& cache : caches_) cache.tags.clear();
}

MemoryHierarchy::Answer MemoryHierarchy::look(std::uint64_t pa, Level first) noexcept {
  const std::uint64_t line = pa >> kLineShift;
  for (std::size_t i = 0; i < caches_.size(); ++i) {
    Cache& cache = caches_[i];
    if (cache.level < first) continue;
    if (cache.tags.find(line, line) != TagArray::kNone) return {cache.level, cache.cycles};
    cache.tags.insert(line, line);
  }
  return {Level::Memory, memory_cycles_};
}

}  // namespace axvm::sim::timing
