// What hardware leaves behind at an exception, but for ESR_ELx.
#include <fmt/format.h>

#include <explain/aarch64/layouts.hpp>

namespace axvm::explain::aarch64 {

namespace {

std::string address(std::uint64_t, std::uint64_t value) { return fmt::format("{:#x}", value); }

constexpr Field kFar[] = {
    {.high = 63, .low = 0, .name = "VA", .about = "faulting virtual address"}};
constexpr Layout kFarEl2{"Fault Address Register (EL2)", "Arm ARM, FAR_EL2", kFar};
constexpr Layout kFarEl1{"Fault Address Register (EL1)", "Arm ARM, FAR_EL1", kFar};

constexpr Field kElr[] = {{.high = 63, .low = 0, .name = "Return address", .about = "of ERET"}};
constexpr Layout kElrEl2{"Exception Link Register (EL2)", "Arm ARM, ELR_EL2", kElr};
constexpr Layout kElrEl1{"Exception Link Register (EL1)", "Arm ARM, ELR_EL1", kElr};

std::string intermediate_page(std::uint64_t, std::uint64_t value) {
  return fmt::format("page at IPA {:#x}, offset in FAR_EL2", value << 12);
}

constexpr Field kHpfar[] = {
    flag(63, "NS", "faulting IPA space, in Secure state", "Non-secure", "Secure, or no meaning"),
    res0(62, 48),
    {.high = 47,
     .low = 4,
     .name = "FIPA",
     .about = "faulting IPA, bits 55:12",
     .meaning = intermediate_page},
    res0(3, 0),
};
static_assert(is_exact(kHpfar));
constexpr Layout kHpfarLayout{"Hypervisor IPA Fault Address Register", "Arm ARM, HPFAR_EL2",
                              kHpfar};

constexpr Field kNegative = flag(31, "N", "negative", "set", "clear");
constexpr Field kZero = flag(30, "Z", "zero", "set", "clear");
constexpr Field kCarry = flag(29, "C", "carry", "set", "clear");
constexpr Field kOverflow = flag(28, "V", "overflow", "set", "clear");
constexpr Field kNotAllowed =
    flag(22, "PAN", "privileged access to EL0's data", "never", "allowed");
constexpr Field kStep = flag(21, "SS", "software step", "active-not-pending");
constexpr Field kIllegal = flag(20, "IL", "illegal execution state", "yes", "no");
constexpr Field kError = flag(8, "A", "SError", "masked", "not masked");
constexpr Field kInterrupt = flag(7, "I", "IRQ", "masked", "not masked");
constexpr Field kFast = flag(6, "F", "FIQ", "masked", "not masked");
constexpr Field kState = flag(4, "M[4]", "execution state", "AArch32", "AArch64");

constexpr Field kSaved[] = {
    res0(63, 37),
    flag(36, "UINJ", "undefined instruction", "injected"),
    flag(35, "PACM", "PAC with the PC", "in effect"),
    flag(34, "EXLOCK", "exception return registers", "locked"),
    flag(33, "PPEND", "PMU exception", "pending"),
    flag(32, "PM", "PMU exceptions", "masked"),
    kNegative,
    kZero,
    kCarry,
    kOverflow,
    res0(27, 26),
    flag(25, "TCO", "tag checks", "overridden: none"),
    flag(24, "DIT", "data-independent timing", "yes"),
    flag(23, "UAO", "user access override", "yes"),
    kNotAllowed,
    kStep,
    kIllegal,
    res0(19, 14),
    flag(13, "ALLINT", "all interrupts, NMI among them", "masked", "not masked"),
    flag(12, "SSBS", "speculative store bypass", "allowed", "not allowed"),
    {.high = 11, .low = 10, .name = "BTYPE", .about = "branch type"},
    flag(9, "D", "debug exceptions", "masked", "not masked"),
    kError,
    kInterrupt,
    kFast,
    res0(5, 5),
    kState,
    {.high = 3,
     .low = 0,
     .name = "M[3:0]",
     .about = "Exception level and stack pointer",
     .values = Values{{0b0000, "EL0, SP_EL0 (EL0t)"},
                      {0b0100, "EL1, SP_EL0 (EL1t)"},
                      {0b0101, "EL1, SP_EL1 (EL1h)"},
                      {0b1000, "EL2, SP_EL0 (EL2t)"},
                      {0b1001, "EL2, SP_EL2 (EL2h)"},
                      {0b1100, "EL3, SP_EL0 (EL3t)"},
                      {0b1101, "EL3, SP_EL3 (EL3h)"}}},
};
static_assert(is_exact(kSaved));

constexpr Field kSaved32[] = {
    res0(63, 34),
    flag(33, "PPEND", "PMU exception", "pending"),
    res0(32, 32),
    kNegative,
    kZero,
    kCarry,
    kOverflow,
    flag(27, "Q", "overflow or saturation", "occurred"),
    {.high = 26, .low = 25, .name = "IT[1:0]", .about = "If-Then"},
    flag(24, "DIT", "data-independent timing", "yes"),
    flag(23, "SSBS", "speculative store bypass", "allowed", "not allowed"),
    kNotAllowed,
    kStep,
    kIllegal,
    {.high = 19, .low = 16, .name = "GE", .about = "greater than or equal, per byte"},
    {.high = 15, .low = 10, .name = "IT[7:2]", .about = "If-Then"},
    flag(9, "E", "data are", "big-endian", "little-endian"),
    kError,
    kInterrupt,
    kFast,
    flag(5, "T", "instruction set", "T32", "A32"),
    kState,
    {.high = 3,
     .low = 0,
     .name = "M[3:0]",
     .about = "mode",
     .values = Values{{0b0000, "User"},
                      {0b0001, "FIQ"},
                      {0b0010, "IRQ"},
                      {0b0011, "Supervisor"},
                      {0b0110, "Monitor"},
                      {0b0111, "Abort"},
                      {0b1010, "Hyp"},
                      {0b1011, "Undefined"},
                      {0b1111, "System"}}},
};
static_assert(is_exact(kSaved32));

constexpr Layout kSpsrEl2{"Saved Program Status Register (EL2)",
                          "Arm ARM, SPSR_EL2, exception taken from AArch64 state", kSaved};
constexpr Layout kSpsrEl2From32{"Saved Program Status Register (EL2)",
                                "Arm ARM, SPSR_EL2, exception taken from AArch32 state", kSaved32};
constexpr Layout kSpsrEl1{"Saved Program Status Register (EL1)",
                          "Arm ARM, SPSR_EL1, exception taken from AArch64 state", kSaved};
constexpr Layout kSpsrEl1From32{"Saved Program Status Register (EL1)",
                                "Arm ARM, SPSR_EL1, exception taken from AArch32 state", kSaved32};

constexpr bool from_aarch32(std::uint64_t word) { return (word >> 4 & 1) != 0; }

std::string attribute(std::uint64_t, std::uint64_t value) { return memory_type_text(value); }
std::string status(std::uint64_t, std::uint64_t code) { return fault_status_text(code); }
std::string frame(std::uint64_t, std::uint64_t value) { return address(0, value << 12); }

constexpr Field kTranslated[] = {
    {.high = 63, .low = 56, .name = "ATTR", .about = "memory type", .meaning = attribute},
    res0(55, 52),
    {.high = 51, .low = 12, .name = "PA", .about = "output address", .meaning = frame},
    flag(11, "NSE", "with FEAT_RME; RES1 without", "1", "0"),
    {.high = 10, .low = 10, .name = "IMP DEF", .about = "implementation defined"},
    flag(9, "NS", "output address space", "Non-secure", "Secure"),
    {.high = 8,
     .low = 7,
     .name = "SH",
     .about = "shareability",
     .values = Values{{0, "Non-shareable"},
                      {1, "reserved"},
                      {2, "Outer Shareable, or Device or Non-cacheable"},
                      {3, "Inner Shareable"}}},
    res0(6, 1),
    flag(0, "F", "the translation", "failed", "succeeded"),
};
static_assert(is_exact(kTranslated));
constexpr Field kFailed[] = {
    {.high = 63, .low = 48, .name = "IMP DEF", .about = "implementation defined"},
    res0(47, 16),
    flag(15, "DirtyBit", "permission fault due to the dirty state", "yes"),
    flag(14, "Overlay", "permission fault due to an overlay", "yes"),
    flag(13, "TopLevel", "permission fault due to the top-level attribute", "yes"),
    flag(12, "AssuredOnly", "permission fault due to the AssuredOnly attribute", "yes"),
    res1(11, 11),
    res0(10, 10),
    flag(9, "S", "the fault is of", "stage 2", "stage 1"),
    flag(8, "PTW", "stage-2 fault on a stage-1 walk", "yes", "no"),
    res0(7, 7),
    {.high = 6, .low = 1, .name = "FST", .about = "fault status", .meaning = status},
    flag(0, "F", "the translation", "failed", "succeeded"),
};
static_assert(is_exact(kFailed));
constexpr Layout kParTranslated{"Physical Address Register", "Arm ARM, PAR_EL1, when F is 0",
                                kTranslated};
constexpr Layout kParFailed{"Physical Address Register", "Arm ARM, PAR_EL1, when F is 1", kFailed};

}  // namespace

const Layout& far_el2(std::uint64_t) { return kFarEl2; }
const Layout& far_el1(std::uint64_t) { return kFarEl1; }
const Layout& elr_el2(std::uint64_t) { return kElrEl2; }
const Layout& elr_el1(std::uint64_t) { return kElrEl1; }
const Layout& hpfar_el2(std::uint64_t) { return kHpfarLayout; }
const Layout& spsr_el2(std::uint64_t word) {
  return from_aarch32(word) ? kSpsrEl2From32 : kSpsrEl2;
}
const Layout& spsr_el1(std::uint64_t word) {
  return from_aarch32(word) ? kSpsrEl1From32 : kSpsrEl1;
}
const Layout& par_el1(std::uint64_t word) { return (word & 1) != 0 ? kParFailed : kParTranslated; }

}  // namespace axvm::explain::aarch64
