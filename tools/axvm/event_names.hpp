#pragma once
// What the instruction sets call what is counted. AArch64: events of the performance monitors (DDI
// 0487 D13.11). RISC-V: CSRs ("Zicntr"), and the caches and results of SBI's hardware cache events
// (SBI 2.0, "Performance Monitoring Unit Extension"), without the operation, which the models do
// not tell apart: DTLB_MISS is SBI_PMU_HW_CACHE_DTLB with _RESULT_MISS. These are in capitals, but
// for CSRs; names of our own are in small letters.

#include <array>
#include <hal-sim/isa.hpp>
#include <string_view>

namespace axvm::tool {

/// Accesses of something, and those in vain.
struct AccessNames {
  std::string_view all;
  std::string_view misses;
};

struct EventNames {
  std::string_view instructions;
  std::string_view cycles;
  std::string_view traps;
  std::string_view traps_to_guest;  ///< that the guest's kernel gets: to EL1, to VS-mode
  std::string_view traps_to_vmm;    ///< to EL2, to HS-mode
  std::array<std::string_view, 2> stages;
  std::string_view fetch_tlb_misses;
  std::string_view data_tlb_misses;
  AccessNames fetch_l2_tlb;
  AccessNames l2_tlb;
  std::string_view fetch_walks;
  std::string_view data_walks;
  AccessNames fetch_cache;
  std::array<AccessNames, 3> caches;  ///< the levels that have data
  AccessNames last_level;
  std::string_view data_accesses;  ///< by lines
  AccessNames ipa_cache;           ///< its hits and misses
};

[[nodiscard]] const EventNames& event_names(hal_sim::Isa isa) noexcept;

}  // namespace axvm::tool
