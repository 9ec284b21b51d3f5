#include <explain/aarch64/layouts.hpp>

namespace axvm::explain::aarch64 {

namespace {

constexpr Values kTagFaults{{0, "have no effect"},
                            {1, "are synchronous exceptions"},
                            {2, "are accumulated"},
                            {3, "are synchronous for reads, accumulated for writes"}};

constexpr Field kSctlr[] = {
    flag(63, "TIDCP", "trap EL0's implementation defined registers", "they trap to EL1"),
    flag(62, "SPINTMASK", "SP interrupt mask", "PSTATE.SP masks interrupts"),
    flag(61, "NMI", "non-maskable interrupts", "enabled"),
    flag(60, "EnTP2", "TPIDR2_EL0 at EL0", "accessible"),
    flag(59, "TCSO", "tag checks of stores at EL1", "are store-only"),
    flag(58, "TCSO0", "tag checks of stores at EL0", "are store-only"),
    flag(57, "EPAN", "enhanced PAN", "PAN denies data at addresses that EL0 may execute"),
    flag(56, "EnALS", "LD64B and ST64B at EL0", "do not trap"),
    flag(55, "EnAS0", "ST64BV0 at EL0", "does not trap"),
    flag(54, "EnASR", "ST64BV at EL0", "does not trap"),
    flag(53, "TME", "transactional memory at EL1", "enabled"),
    flag(52, "TME0", "transactional memory at EL0", "enabled"),
    flag(51, "TMT", "transactions at EL1", "fail"),
    flag(50, "TMT0", "transactions at EL0", "fail"),
    {.high = 49, .low = 46, .name = "TWEDEL", .about = "delay of EL0's WFE trap"},
    flag(45, "TWEDEn", "delay EL0's WFE trap", "by 2^(TWEDEL + 8) cycles at least"),
    flag(44, "DSSBS", "PSTATE.SSBS on exceptions to EL1", "set", "cleared"),
    flag(43, "ATA", "allocation tags at EL1", "accessible"),
    flag(42, "ATA0", "allocation tags at EL0", "accessible"),
    {.high = 41,
     .low = 40,
     .name = "TCF",
     .about = "tag check faults at EL1",
     .values = kTagFaults},
    {.high = 39,
     .low = 38,
     .name = "TCF0",
     .about = "tag check faults at EL0",
     .values = kTagFaults},
    flag(37, "ITFSB", "tag faults on exceptions to EL1", "are synchronized"),
    flag(36, "BT1", "PACIASP and PACIBSP at EL1", "are no landing pad for BR"),
    flag(35, "BT0", "PACIASP and PACIBSP at EL0", "are no landing pad for BR"),
    flag(34, "EnFPM", "FPMR at EL0", "accessible"),
    flag(33, "MSCEn", "memory copy and set at EL0", "enabled"),
    flag(32, "CMOW", "cache maintenance at EL0", "needs write permission"),
    flag(31, "EnIA", "pointer authentication, instruction key A", "enabled"),
    flag(30, "EnIB", "pointer authentication, instruction key B", "enabled"),
    flag(29, "LSMAOE", "load and store multiple, AArch32", "as in earlier versions"),
    flag(28, "nTLSMD", "load and store multiple to Device, AArch32", "do not trap", "trap"),
    flag(27, "EnDA", "pointer authentication, data key A", "enabled"),
    flag(26, "UCI", "cache maintenance at EL0", "does not trap", "traps to EL1"),
    flag(25, "EE", "data and tables at EL1", "big-endian", "little-endian"),
    flag(24, "E0E", "data at EL0", "big-endian", "little-endian"),
    flag(23, "SPAN", "PSTATE.PAN on exceptions to EL1", "kept", "set"),
    flag(22, "EIS", "exception entry to EL1", "synchronizes context"),
    flag(21, "IESB", "implicit error synchronization", "on exceptions to EL1"),
    flag(20, "TSCXT", "SCXTNUM_EL0 at EL0", "traps to EL1"),
    flag(19, "WXN", "write permission implies execute-never", "yes", "no"),
    flag(18, "nTWE", "WFE at EL0", "does not trap", "traps to EL1"),
    res0(17, 17),
    flag(16, "nTWI", "WFI at EL0", "does not trap", "traps to EL1"),
    flag(15, "UCT", "CTR_EL0 at EL0", "accessible", "traps to EL1"),
    flag(14, "DZE", "DC ZVA at EL0", "does not trap", "traps to EL1"),
    flag(13, "EnDB", "pointer authentication, data key B", "enabled"),
    flag(12, "I", "instruction cacheability", "as the tables say", "Non-cacheable"),
    flag(11, "EOS", "exception return from EL1", "synchronizes context"),
    flag(10, "EnRCTX", "speculation restriction by EL0", "does not trap"),
    flag(9, "UMA", "DAIF at EL0", "accessible", "traps to EL1"),
    flag(8, "SED", "SETEND at EL0, AArch32", "disabled", "enabled"),
    flag(7, "ITD", "IT at EL0, AArch32", "partly disabled", "enabled"),
    flag(6, "nAA", "unaligned atomics and ordered accesses", "may be done", "are a fault"),
    flag(5, "CP15BEN", "barriers by CP15 at EL0, AArch32", "enabled"),
    flag(4, "SA0", "stack alignment check at EL0", "enabled"),
    flag(3, "SA", "stack alignment check at EL1", "enabled"),
    flag(2, "C", "data cacheability", "as the tables say", "Non-cacheable"),
    flag(1, "A", "alignment check", "all accesses", "only those that always have it"),
    flag(0, "M", "stage 1 of EL1 and EL0", "translates", "is off: IPA = VA"),
};
static_assert(is_exact(kSctlr));
constexpr Layout kLayout{"System Control Register (EL1)", "Arm ARM, SCTLR_EL1", kSctlr};

}  // namespace

const Layout& sctlr_el1(std::uint64_t) { return kLayout; }

}  // namespace axvm::explain::aarch64
