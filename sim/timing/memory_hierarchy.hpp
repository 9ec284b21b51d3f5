#pragma once
// The data caches that accesses and table walks go through: latency by where a line is found.

#include <array>
#include <cstdint>
#include <optional>
#include <sim/timing/line_cache.hpp>
#include <vector>

namespace axvm::sim::timing {

/// Where a line was found.
enum class Level : std::uint8_t { L1, L2, L3, Memory };
inline constexpr std::size_t kLevels = 4;

/// One data cache. A line is 64 bytes; the line not used for longest is replaced.
struct DataCache {
  std::uint32_t lines = 0;   ///< 0: there is no such cache
  std::uint32_t ways = 1;    ///< as LineCache wants them
  std::uint32_t cycles = 0;  ///< from the access to the data, all levels before included
};

struct HierarchyProfile {
  std::array<DataCache, 3> caches;  ///< L1 to L3
  DataCache instructions;           ///< L1 of a guest's instructions; none: `caches` has them, too
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

  /// Precondition: as LineCache says.
  explicit MemoryHierarchy(const HierarchyProfile& profile);

  /// A load or store, or a fetch, of the line that holds `pa`.
  Answer access(std::uint64_t pa) noexcept { return look(pa, 0); }
  /// The first cache that loads and stores look into; null when there is none.
  [[nodiscard]] const LineCache* first() const noexcept {
    return caches_.empty() ? nullptr : &caches_.front().lines;
  }
  /// What access() answers to a line that first() has.
  [[nodiscard]] Answer first_answer() const noexcept { return answer_of(caches_.front()); }
  /// access() in another order of looking: for a line that is not the one that was used last in its
  /// set of first().
  Answer access_another(std::uint64_t pa) noexcept;
  /// A guest's fetch of the line of instructions that holds `pa`.
  Answer fetch(std::uint64_t pa) noexcept {
    if (instructions_ && instructions_->lines.access(pa >> kLineShift)) {
      return {Level::L1, instructions_->cycles};
    }
    return look(pa, fetch_enters_);
  }
  /// Asks the host for what access() of `pa` will look at.
  void foresee(std::uint64_t pa) const noexcept { foresee(pa, 0); }
  /// Asks the host for what a walk's read of `pa` will look at.
  void foresee_walk(std::uint64_t pa) const noexcept { foresee(pa, walker_enters_); }
  /// A table walk's read of a descriptor.
  Answer walk(std::uint64_t pa) noexcept { return look(pa, walker_enters_); }
  void clear() noexcept {
    for (Cache& cache : caches_) cache.lines.clear();
    if (instructions_) instructions_->lines.clear();
  }

 private:
  struct Cache {
    LineCache lines;
    Level level;
    std::uint32_t cycles;
  };
  void foresee(std::uint64_t pa, std::size_t first) const noexcept {
    for (std::size_t i = first; i < caches_.size(); ++i) {
      caches_[i].lines.foresee(pa >> kLineShift);
    }
  }
  [[nodiscard]] static Answer answer_of(const Cache& cache) noexcept {
    return {cache.level, cache.cycles};
  }
  Answer look(std::uint64_t pa, std::size_t first) noexcept;

  std::vector<Cache> caches_;
  std::uint32_t memory_cycles_;
  std::optional<Cache> instructions_;
  std::size_t walker_enters_ = 0;  // the number of the first of them
  std::size_t fetch_enters_ = 0;   // likewise, behind `instructions_`
};

}  // namespace axvm::sim::timing
