#include <explain/aarch64/layouts.hpp>

namespace axvm::explain::aarch64 {

namespace {

constexpr Field kHcr[] = {
    {.high = 63, .low = 60, .name = "TWEDEL", .about = "delay of the WFE trap (FEAT_TWED)"},
    flag(59, "TWEDEn", "delay the WFE trap", "by 2^(TWEDEL + 8) cycles at least"),
    flag(58, "TID5", "trap ID group 5", "GMID_EL1 traps to EL2"),
    flag(57, "DCT", "default cacheability tagging", "untranslated memory is Tagged"),
    flag(56, "ATA", "allocation tags at EL1 and EL0", "accessible"),
    flag(55, "TTLBOS", "trap TLB maintenance, Outer Shareable", "it traps to EL2"),
    flag(54, "TTLBIS", "trap TLB maintenance, Inner Shareable", "it traps to EL2"),
    flag(53, "EnSCXT", "SCXTNUM_EL1 and SCXTNUM_EL0", "accessible"),
    flag(52, "TOCU", "trap cache maintenance to the point of unification", "it traps to EL2"),
    flag(51, "AMVOFFEN", "virtual offsets of activity monitors", "enabled"),
    flag(50, "TICAB", "trap ICIALLUIS and IC IALLUIS", "they trap to EL2"),
    flag(49, "TID4", "trap ID group 4", "CCSIDR_EL1, CLIDR_EL1 and CSSELR_EL1 trap to EL2"),
    flag(48, "GPF", "granule protection faults at EL1 and EL0", "go to EL2"),
    flag(47, "FIEN", "fault injection registers", "accessible"),
    flag(46, "FWB", "stage-2 memory types", "are forced (MemAttr has another encoding)",
         "combine with stage 1's"),
    flag(45, "NV2", "nested virtualization in memory", "EL2 registers are accessed at VNCR_EL2"),
    flag(44, "AT", "trap AT S1E0*, S1E1*", "they trap to EL2"),
    flag(43, "NV1", "nested virtualization, EL1 registers", "VBAR_EL1, ELR_EL1, SPSR_EL1 trap"),
    flag(42, "NV", "nested virtualization", "EL2's registers and ERET at EL1 trap to EL2"),
    flag(41, "API", "pointer authentication instructions", "do not trap", "trap to EL2"),
    flag(40, "APK", "pointer authentication keys", "do not trap", "trap to EL2"),
    flag(39, "TME", "transactional memory at EL1 and EL0", "enabled"),
    flag(38, "MIOCNCE", "mismatched cacheability", "may lose coherency", "does not lose coherency"),
    flag(37, "TEA", "synchronous external aborts", "go to EL2"),
    flag(36, "TERR", "trap error record registers", "they trap to EL2"),
    flag(35, "TLOR", "trap LORegion registers", "they trap to EL2"),
    flag(34, "E2H", "EL2 hosts an operating system (FEAT_VHE)", "yes", "no"),
    flag(33, "ID", "stage-2 instruction cacheability", "disabled: Non-cacheable"),
    flag(32, "CD", "stage-2 data cacheability", "disabled: Non-cacheable"),
    flag(31, "RW", "EL1 is", "AArch64", "AArch32"),
    flag(30, "TRVM", "trap reads of virtual memory controls", "they trap to EL2"),
    flag(29, "HCD", "HVC", "undefined", "enabled"),
    flag(28, "TDZ", "trap DC ZVA", "it traps to EL2"),
    flag(27, "TGE", "trap general exceptions", "all exceptions of EL0 go to EL2"),
    flag(26, "TVM", "trap writes of virtual memory controls",
         "SCTLR_EL1, TTBRn_EL1, TCR_EL1, MAIR_EL1, … trap to EL2"),
    flag(25, "TTLB", "trap TLB maintenance", "it traps to EL2"),
    flag(24, "TPU", "trap cache maintenance to the point of unification", "it traps to EL2"),
    flag(23, "TPCP", "trap cache maintenance to the point of coherency", "it traps to EL2"),
    flag(22, "TSW", "trap cache maintenance by set and way", "it traps to EL2"),
    flag(21, "TACR", "trap auxiliary control registers", "ACTLR_EL1 traps to EL2"),
    flag(20, "TIDCP", "trap implementation defined registers", "they trap to EL2"),
    flag(19, "TSC", "trap SMC", "it traps to EL2"),
    flag(18, "TID3", "trap ID group 3", "ID_* registers trap to EL2"),
    flag(17, "TID2", "trap ID group 2", "CTR_EL0, CCSIDR_EL1, CLIDR_EL1, CSSELR_EL1 trap to EL2"),
    flag(16, "TID1", "trap ID group 1", "REVIDR_EL1, AIDR_EL1, SMIDR_EL1 trap to EL2"),
    flag(15, "TID0", "trap ID group 0, AArch32", "FPSID and JIDR trap to EL2"),
    flag(14, "TWE", "trap WFE", "it traps to EL2 where it would wait"),
    flag(13, "TWI", "trap WFI", "it traps to EL2 where it would wait"),
    flag(12, "DC", "default cacheability", "stage 1 is off: memory is Normal write-back; VM is 1"),
    {.high = 11,
     .low = 10,
     .name = "BSU",
     .about = "barriers reach at least",
     .values = Values{{0, "what they say"},
                      {1, "Inner Shareable"},
                      {2, "Outer Shareable"},
                      {3, "the full system"}}},
    flag(9, "FB", "force broadcast", "TLB and instruction cache maintenance is Inner Shareable"),
    flag(8, "VSE", "virtual SError", "pending"),
    flag(7, "VI", "virtual IRQ", "pending"),
    flag(6, "VF", "virtual FIQ", "pending"),
    flag(5, "AMO", "physical SError", "goes to EL2; virtual SError is enabled"),
    flag(4, "IMO", "physical IRQ", "goes to EL2; virtual IRQ is enabled"),
    flag(3, "FMO", "physical FIQ", "goes to EL2; virtual FIQ is enabled"),
    flag(2, "PTW", "protected table walk",
         "stage-1 tables in Device memory are a permission fault"),
    flag(1, "SWIO", "set and way invalidation", "also cleans", "is as written"),
    flag(0, "VM", "stage 2 of EL1 and EL0", "translates", "is off: PA = IPA"),
};
static_assert(is_exact(kHcr));
constexpr Layout kHcrLayout{"Hypervisor Configuration Register", "Arm ARM, HCR_EL2", kHcr};

// With HCR_EL2.E2H clear.
constexpr Field kCptr[] = {
    res0(63, 32),
    flag(31, "TCPAC", "trap CPACR_EL1", "it traps to EL2"),
    flag(30, "TAM", "trap activity monitors", "they trap to EL2"),
    res0(29, 21),
    flag(20, "TTA", "trap trace registers", "they trap to EL2"),
    res0(19, 14),
    res1(13, 13),
    flag(12, "TSM", "trap SME", "it traps to EL2"),
    res0(11, 11),
    flag(10, "TFP", "trap SVE, SIMD and floating point", "they trap to EL2"),
    res1(9, 9),
    flag(8, "TZ", "trap SVE", "it traps to EL2"),
    res1(7, 0),
};
static_assert(is_exact(kCptr));
constexpr Layout kCptrLayout{"Architectural Feature Trap Register (EL2)",
                             "Arm ARM, CPTR_EL2, when HCR_EL2.E2H is 0", kCptr};

constexpr Values kEnable{
    {0, "EL1 and EL0 trap"}, {1, "EL0 traps"}, {2, "EL1 and EL0 trap"}, {3, "no trap"}};
constexpr Field kCpacr[] = {
    res0(63, 32),
    flag(31, "TCPAC", "trap CPACR_EL1, in CPTR_EL2's place (E2H)", "it traps to EL2"),
    flag(30, "TAM", "trap activity monitors, in CPTR_EL2's place (E2H)", "they trap to EL2"),
    flag(29, "E0POE", "POR_EL0 at EL0", "accessible"),
    flag(28, "TTA", "trap trace registers", "they trap"),
    res0(27, 26),
    {.high = 25, .low = 24, .name = "SMEN", .about = "SME", .values = kEnable},
    res0(23, 22),
    {.high = 21, .low = 20, .name = "FPEN", .about = "SIMD and floating point", .values = kEnable},
    res0(19, 18),
    {.high = 17, .low = 16, .name = "ZEN", .about = "SVE", .values = kEnable},
    res0(15, 0),
};
static_assert(is_exact(kCpacr));
constexpr Layout kCpacrLayout{"Architectural Feature Access Control Register", "Arm ARM, CPACR_EL1",
                              kCpacr};

// With HCR_EL2.E2H clear.
constexpr Field kCnthctl[] = {
    res0(63, 20),
    flag(19, "CNTPMASK", "CNTP's interrupt, with FEAT_RME", "masked"),
    flag(18, "CNTVMASK", "CNTV's interrupt, with FEAT_RME", "masked"),
    flag(17, "EVNTIS", "event stream counts", "bits 23:8 of the counter", "bits 15:0"),
    flag(16, "EL1NVVCT", "trap CNTV_CTL_EL02 and CNTV_CVAL_EL02", "they trap to EL2"),
    flag(15, "EL1NVPCT", "trap CNTP_CTL_EL02 and CNTP_CVAL_EL02", "they trap to EL2"),
    flag(14, "EL1TVCT", "trap CNTVCT_EL0", "it traps to EL2"),
    flag(13, "EL1TVT", "trap the virtual timer", "it traps to EL2"),
    flag(12, "ECV", "CNTPOFF_EL2", "is subtracted from the physical counter"),
    res0(11, 8),
    {.high = 7, .low = 4, .name = "EVNTI", .about = "bit of the counter that makes events"},
    flag(3, "EVNTDIR", "events are made when the bit", "falls", "rises"),
    flag(2, "EVNTEN", "event stream", "enabled"),
    flag(1, "EL1PCEN", "EL1's physical timer", "accessible", "traps to EL2"),
    flag(0, "EL1PCTEN", "EL1's physical counter", "accessible", "traps to EL2"),
};
static_assert(is_exact(kCnthctl));
constexpr Layout kCnthctlLayout{"Counter-timer Hypervisor Control Register",
                                "Arm ARM, CNTHCTL_EL2, when HCR_EL2.E2H is 0", kCnthctl};

}  // namespace

const Layout& hcr_el2(std::uint64_t) { return kHcrLayout; }
const Layout& cptr_el2(std::uint64_t) { return kCptrLayout; }
const Layout& cpacr_el1(std::uint64_t) { return kCpacrLayout; }
const Layout& cnthctl_el2(std::uint64_t) { return kCnthctlLayout; }

}  // namespace axvm::explain::aarch64
