#pragma once
// Counters of one pCPU: observation only, never part of the state.

#include <cstdint>

namespace axvm::sim {

struct Statistics {
  std::uint64_t tlb_hits = 0;            ///< translations answered by the strict TLB
  std::uint64_t tlb_misses = 0;          ///< translations that walked
  std::uint64_t tlb_evictions = 0;       ///< entries dropped for capacity
  std::uint64_t tlb_entries = 0;         ///< that it holds now
  std::uint64_t tlb_capacity = 0;        ///< that it can hold
  std::uint64_t walks = 0;               ///< walks begun
  std::uint64_t stage1_references = 0;   ///< stage-1 descriptors read
  std::uint64_t stage2_references = 0;   ///< stage-2 descriptors read
  std::uint64_t traps_to_el1 = 0;        ///< exceptions the machine delivered to EL1
  std::uint64_t traps_to_el2 = 0;        ///< exceptions taken to EL2
  std::uint64_t interface_accesses = 0;  ///< of the interrupts' virtual CPU interface by guests
  std::uint64_t unmaintained_lines = 0;  ///< lines of code run without cache maintenance
  std::uint64_t cycles = 0;              ///< see sim/timing
};

}  // namespace axvm::sim
