#pragma once
// What is said about a result: counters and ratios of them, by name.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <sim/timing/counters.hpp>
#include <span>
#include <string_view>

namespace axvm::lab {

struct Metric {
  std::string_view name;  ///< "references_per_walk"
  std::string_view about;
  double (*of)(const sim::timing::Counters& counters);
};

[[nodiscard]] std::span<const Metric> metrics();
/// Null when there is none of this name.
[[nodiscard]] const Metric* find_metric(std::string_view name);

/// A counter as it is kept, under the name that results give it.
struct NamedCounter {
  std::string_view name;
  std::uint64_t sim::timing::Counters::* counter;
};
[[nodiscard]] std::span<const NamedCounter> named_counters();

/// A sum of counters: of references, or by level of memory.
struct NamedSum {
  std::string_view name;
  std::uint64_t (*of)(const sim::timing::Counters& counters);
};
[[nodiscard]] std::span<const NamedSum> named_sums();

/// Reads of one stage's descriptors of one height (0: the last level's) that one level of memory
/// has served.
struct NamedReads {
  std::string_view name;  ///< "stage1_height0_l1"
  sim::timing::References sim::timing::Counters::* stage;
  std::size_t height;
  std::size_t level;
};
[[nodiscard]] std::span<const NamedReads> named_reads();

}  // namespace axvm::lab
