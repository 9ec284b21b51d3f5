#pragma once
// The data caches that accesses and table walks go through: latency by where a line is found.

#include <array>
#include <cstdint>
#include <sim/timing/tag_array.hpp>
#include <vector>

namespace axvm::sim::timing {

/// Where a line was found.
enum class Level : std::uint8_t { L1, L2, L3, Memory };
inline constexpr std::size_t kLevels = 4;

/// One data cache. A line is 64 bytes.
struct DataCache {
  CacheShape shape;          ///< in lines
  std::uint32_t cycles = 0;  ///< from the access to the data, all levels before included
};

struct HierarchyProfile {
  std::array<DataCache, 3> caches;  ///< L1 to L3; those with no entries are not there
  std::uint32_t memory_cycles = 0;  ///< likewise, for DRAM
  Level walker_enters = Level::L1;  ///< the first level that table walks look into
};

/// Lines are filled into every level that missed, as they are read; no line is written back.
class MemoryHierarchy {
 public:
  static constexpr unsigned kLineShift = 6;

  struct Answer {
    Level level;
    std::uint32_t cycles;
  };

  /// Precondition: the shapes are valid.
  explicit MemoryHierarchy(const HierarchyProfile& profile);

  /// A load or store, or a fetch, of the line that holds `pa`.
  Answer access(std::uint64_t pa) noexcept { return look(pa, Level::L1); }
  /// A table walk's read of a descriptor.
  Answer walk(std::uint64_t pa) noexcept { return look(pa, walker_enters_); }
  void clear() noexcept;

 private:
  struct Cache {
    TagArray tags;
    Level level;
    std::uint32_t cycles;
  };
  Answer look(std::uint64_t pa, Level first) noexcept;

  std::vector<Cache> caches_;
  std::uint32_t memory_cycles_;
  Level walker_enters_;
};

}  // namespace axvm::sim::timing
