#pragma once
// What a model of a processor's translation and memory is made of.

#include <cstdint>
#include <optional>
#include <sim/timing/exit_costs.hpp>
#include <sim/timing/memory_hierarchy.hpp>
#include <sim/timing/tag_array.hpp>
#include <string>
#include <vector>

namespace axvm::sim::timing {

/// A bit for each number; all are below 64.
[[nodiscard]] inline std::uint64_t as_bits(const std::vector<unsigned>& numbers) noexcept {
  std::uint64_t bits = 0;
  for (const unsigned number : numbers) bits |= 1ULL << number;
  return bits;
}

/// A TLB, or the part of one that holds certain page sizes.
struct TlbProfile {
  CacheShape shape;                   ///< in translations
  std::uint32_t cycles = 0;           ///< what a hit adds to the access
  std::vector<unsigned> page_shifts;  ///< of the leaves it holds; none: all
  bool fetches = true;                ///< serves instruction fetches
  bool data = true;                   ///< serves loads and stores
  /// Of a page larger than all that it holds, it keeps the piece that is asked for, as large as it
  /// can. Otherwise it does not keep such a page.
  bool fracture = false;
  /// An entry holds an aligned block of up to so many pages, a power of two, when they follow each
  /// other in physical memory, too, as far as the lines of descriptors say that the walk has read.
  std::uint32_t coalesce = 1;
};

/// Remembers where tables are, so that a walk begins further down.
struct WalkCacheProfile {
  CacheShape shape;  ///< in tables
  std::vector<unsigned>
      heights;  ///< of the tables it knows, counted from the last level; none: all
};

/// Remembers what stage 2 says of pages of intermediate addresses. Also called nested TLB.
struct IpaCacheProfile {
  CacheShape shape;                   ///< in translations
  std::vector<unsigned> page_shifts;  ///< as in TlbProfile
};

struct Profile {
  std::string name;
  std::vector<TlbProfile> l1_tlbs;
  std::vector<TlbProfile> l2_tlbs;
  std::vector<WalkCacheProfile> stage1_walk_caches;
  std::vector<WalkCacheProfile> stage2_walk_caches;
  std::vector<IpaCacheProfile> ipa_caches;
  HierarchyProfile memory;
  std::uint32_t walkers = 1;       ///< walks at once
  std::uint32_t outstanding = 1;   ///< accesses at once: how far the processor looks ahead
  std::optional<ExitCosts> exits;  ///< nothing: they are not known
};

}  // namespace axvm::sim::timing
