#pragma once
// What a pCPU has counted, by the names that its instruction set has for it (event_names.hpp).

#include <cstdint>
#include <hal-sim/isa.hpp>
#include <optional>
#include <sim/cpu/statistics.hpp>
#include <sim/timing/counters.hpp>
#include <sim/timing/profile.hpp>
#include <string>
#include <vector>

namespace axvm::tool {

struct EventCount {
  std::string name;
  std::uint64_t count = 0;

  bool operator==(const EventCount&) const = default;
};

/// One pCPU at some point of a run.
struct CpuCounts {
  hal_sim::Isa isa = hal_sim::Isa::Aarch64;
  std::uint64_t instructions = 0;
  sim::Statistics statistics;
  std::optional<sim::timing::Counters> model;  ///< in timing fidelity
};

/// Which events there are depends on the instruction set and on `profile`; null in functional
/// fidelity.
[[nodiscard]] std::vector<EventCount> event_counts(const CpuCounts& counts,
                                                   const sim::timing::Profile* profile);

}  // namespace axvm::tool
