#pragma once
// The flat cycle costs of the functional fidelity. They feed the observation clock "cycles" only:
// no guest ever sees them.

#include <cstdint>
#include <sim/cpu/statistics.hpp>

namespace axvm::sim {

/// Cycles per event. Orders of magnitude of a small out-of-order core whose tables are in its
/// caches; a model of its own belongs to the timing fidelity.
struct CostModel {
  std::uint64_t instruction = 1;   ///< each retired instruction
  std::uint64_t tlb_miss = 4;      ///< before the first descriptor is asked for
  std::uint64_t descriptor = 12;   ///< each descriptor read, either stage
  std::uint64_t trap_to_el1 = 40;  ///< pipeline refill, both ways
  std::uint64_t trap_to_el2 = 80;  ///< likewise; what the hypervisor does meanwhile is not included
};

/// The observation clock after `instructions` retired instructions and the events counted in
/// `statistics` (whose own `cycles` is not looked at).
constexpr std::uint64_t cycles(const Statistics& statistics, std::uint64_t instructions,
                               const CostModel& cost = {}) noexcept {
  return instructions * cost.instruction + statistics.tlb_misses * cost.tlb_miss +
         (statistics.stage1_references + statistics.stage2_references) * cost.descriptor +
         statistics.traps_to_el1 * cost.trap_to_el1 + statistics.traps_to_el2 * cost.trap_to_el2;
}

}  // namespace axvm::sim
