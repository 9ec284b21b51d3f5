#include <tools/axvm/event_names.hpp>

namespace axvm::tool {
namespace {

constexpr EventNames kAarch64{.instructions = "INST_RETIRED",
                              .cycles = "CPU_CYCLES",
                              .traps = "EXC_TAKEN",
                              .traps_to_guest = "exceptions_to_el1",
                              .traps_to_vmm = "exceptions_to_el2",
                              .stages = {"stage1", "stage2"},
                              .fetch_tlb_misses = "L1I_TLB_REFILL",
                              .data_tlb_misses = "L1D_TLB_REFILL",
                              .fetch_l2_tlb = {"L2I_TLB", "L2I_TLB_REFILL"},
                              .l2_tlb = {"L2D_TLB", "L2D_TLB_REFILL"},
                              .fetch_walks = "ITLB_WALK",
                              .data_walks = "DTLB_WALK",
                              .fetch_cache = {"L1I_CACHE", "L1I_CACHE_REFILL"},
                              .caches = {AccessNames{"L1D_CACHE", "L1D_CACHE_REFILL"},
                                         {"L2D_CACHE", "L2D_CACHE_REFILL"},
                                         {"L3D_CACHE", "L3D_CACHE_REFILL"}},
                              .last_level = {"LL_CACHE_RD", "LL_CACHE_MISS_RD"},
                              .data_accesses = "MEM_ACCESS",
                              .ipa_cache = {"ipa_cache_hits", "ipa_cache_misses"}};

constexpr EventNames kRiscv64{.instructions = "instret",
                              .cycles = "cycle",
                              .traps = "traps",
                              .traps_to_guest = "traps_to_vs",
                              .traps_to_vmm = "traps_to_hs",
                              .stages = {"vs_stage", "g_stage"},
                              .fetch_tlb_misses = "ITLB_MISS",
                              .data_tlb_misses = "DTLB_MISS",
                              .fetch_l2_tlb = {"l2_itlb_accesses", "l2_itlb_misses"},
                              .l2_tlb = {"l2_tlb_accesses", "l2_tlb_misses"},
                              .fetch_walks = "itlb_walks",
                              .data_walks = "dtlb_walks",
                              .fetch_cache = {"L1I_ACCESS", "L1I_MISS"},
                              .caches = {AccessNames{"L1D_ACCESS", "L1D_MISS"},
                                         {"l2_accesses", "l2_misses"},
                                         {"l3_accesses", "l3_misses"}},
                              .last_level = {"LL_ACCESS", "LL_MISS"},
                              .data_accesses = "memory_accesses",
                              .ipa_cache = {"gpa_cache_hits", "gpa_cache_misses"}};

}  // namespace

const EventNames& event_names(hal_sim::Isa isa) noexcept {
  return isa == hal_sim::Isa::Riscv64 ? kRiscv64 : kAarch64;
}

}  // namespace axvm::tool
