#pragma once
// What the reads of a walk cost.

#include <cstdint>
#include <sim/timing/memory_hierarchy.hpp>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace axvm::explain {

struct ReadCost {
  std::uint64_t cycles = 0;         ///< of this read
  std::string_view served_by{};     ///< "L2", when a profile says so
  std::uint64_t cycles_so_far = 0;  ///< of the walk, this read included
};

struct WalkCost {
  std::uint64_t cycles_before = 0;  ///< the first read
  std::string model;                ///< in a few words
  std::vector<ReadCost> reads;
};

/// Of reads at these physical addresses, in order. Costs are the flat ones of the functional
/// machine; with `memory`, those of a walker in front of its caches, which are empty at first and
/// hold nothing but tables.
[[nodiscard]] WalkCost walk_cost(std::span<const std::uint64_t> addresses,
                                 const sim::timing::HierarchyProfile* memory);

}  // namespace axvm::explain
