// ISS by exception class: what is not an abort.
#include <fmt/format.h>

#include <array>
#include <explain/aarch64/iss.hpp>
#include <explain/aarch64/layouts.hpp>
#include <hal-sim/arch/aarch64/trace/sysreg_names.hpp>

namespace axvm::explain::aarch64 {

namespace {

std::string x_register(std::uint64_t, std::uint64_t number) { return register_name(number, true); }

std::string immediate(std::uint64_t, std::uint64_t value) { return fmt::format("#{:#x}", value); }

// RN holds a register only when RV is set.
std::string timeout_register(std::uint64_t word, std::uint64_t number) {
  constexpr std::uint64_t kRegisterValid = 1 << 2;
  return (word & kRegisterValid) != 0 ? register_name(number, true) : "";
}

// Of an SMC from AArch32, CV and COND say something only when CCKNOWNPASS is set.
bool may_have_failed(std::uint64_t word) { return (word >> 19 & 1) != 0; }
std::string smc_condition_valid(std::uint64_t word, std::uint64_t value) {
  if (!may_have_failed(word)) return {};
  return value != 0 ? "yes" : "no: look at the instruction";
}
std::string smc_condition(std::uint64_t word, std::uint64_t value) {
  constexpr std::uint64_t kAlways = 0b1110;
  return may_have_failed(word) && value == kAlways ? "always" : "";
}

// The register that the instruction names, beside the last of the fields that encode it.
std::string named_register(std::uint64_t word, std::uint64_t crm) {
  const auto bits = [word](unsigned high, unsigned low) {
    return (word >> low) & ((std::uint64_t{2} << (high - low)) - 1);
  };
  return "with the others: " + hal_sim::aarch64::sysreg_name(static_cast<std::uint16_t>(
                                   bits(21, 20) << 14 | bits(16, 14) << 11 | bits(13, 10) << 7 |
                                   crm << 3 | bits(19, 17)));
}

constexpr Field kCondition = Field{.high = 23,
                                   .low = 20,
                                   .name = "COND",
                                   .about = "condition of the instruction",
                                   .values = Values{{0b1110, "always"}}};
constexpr Field kConditionValid =
    flag(24, "CV", "COND is valid", "yes", "no: look at the instruction");
constexpr Field kDirection = flag(0, "Direction", "of the transfer", "read", "write");
constexpr Field kRt = {
    .high = 9, .low = 5, .name = "Rt", .about = "register transferred", .meaning = x_register};

constexpr Field kNothing[] = {res0(24, 0)};
constexpr Field kOther[] = {{.high = 24, .low = 0, .name = "ISS", .about = "of this class"}};
constexpr Field kWfx[] = {
    kConditionValid,
    kCondition,
    res0(19, 10),
    {.high = 9,
     .low = 5,
     .name = "RN",
     .about = "register with the timeout, for WFIT and WFET",
     .meaning = timeout_register},
    res0(4, 3),
    flag(2, "RV", "RN is valid", "yes", "no"),
    {.high = 1,
     .low = 0,
     .name = "TI",
     .about = "trapped instruction",
     .values = Values{{0, "WFI"}, {1, "WFE"}, {2, "WFIT"}, {3, "WFET"}}},
};
constexpr Field kCoprocessor[] = {
    kConditionValid,
    kCondition,
    {.high = 19, .low = 17, .name = "Opc2", .about = "of the instruction"},
    {.high = 16, .low = 14, .name = "Opc1", .about = "of the instruction"},
    {.high = 13, .low = 10, .name = "CRn", .about = "of the instruction"},
    kRt,
    {.high = 4, .low = 1, .name = "CRm", .about = "of the instruction"},
    kDirection,
};
constexpr Field kCoprocessorPair[] = {
    kConditionValid,
    kCondition,
    {.high = 19, .low = 16, .name = "Opc1", .about = "of the instruction"},
    res0(15, 15),
    {.high = 14, .low = 10, .name = "Rt2", .about = "second register", .meaning = x_register},
    kRt,
    {.high = 4, .low = 1, .name = "CRm", .about = "of the instruction"},
    kDirection,
};
constexpr Field kLoadCoprocessor[] = {
    kConditionValid,
    kCondition,
    {.high = 19, .low = 12, .name = "imm8", .about = "immediate of the instruction"},
    res0(11, 10),
    {.high = 9, .low = 5, .name = "Rn", .about = "base register", .meaning = x_register},
    flag(4, "Offset", "the offset is", "added", "subtracted"),
    {.high = 3, .low = 1, .name = "AM", .about = "addressing mode"},
    kDirection,
};
constexpr Field kFloatingPointAccess[] = {kConditionValid, kCondition, res0(19, 0)};
constexpr Field kBranchTarget[] = {
    res0(24, 2), {.high = 1, .low = 0, .name = "BTYPE", .about = "PSTATE.BTYPE at the exception"}};
constexpr Field kCall[] = {
    res0(24, 16),
    {.high = 15, .low = 0, .name = "imm16", .about = "immediate", .meaning = immediate}};
constexpr Field kSmc32[] = {
    {.high = 24, .low = 24, .name = "CV", .about = "COND is valid", .meaning = smc_condition_valid},
    {.high = 23,
     .low = 20,
     .name = "COND",
     .about = "condition of the instruction",
     .meaning = smc_condition},
    flag(19, "CCKNOWNPASS", "the instruction was",
         "conditional, and may have failed its condition code check",
         "unconditional, or passed its condition code check"),
    res0(18, 0),
};
constexpr Field kSystemRegister[] = {
    res0(24, 22),
    {.high = 21, .low = 20, .name = "Op0", .about = "of the instruction"},
    {.high = 19, .low = 17, .name = "Op2", .about = "of the instruction"},
    {.high = 16, .low = 14, .name = "Op1", .about = "of the instruction"},
    {.high = 13, .low = 10, .name = "CRn", .about = "of the instruction"},
    kRt,
    {.high = 4, .low = 1, .name = "CRm", .about = "of the instruction", .meaning = named_register},
    flag(0, "Direction", "of the transfer", "read (MRS)", "write (MSR, or a SYS instruction)"),
};
constexpr Field kSystemRegister128[] = {
    res0(24, 22),
    {.high = 21, .low = 20, .name = "Op0", .about = "of the instruction"},
    {.high = 19, .low = 17, .name = "Op2", .about = "of the instruction"},
    {.high = 16, .low = 14, .name = "Op1", .about = "of the instruction"},
    {.high = 13, .low = 10, .name = "CRn", .about = "of the instruction"},
    {.high = 9, .low = 6, .name = "Rt", .about = "first register of the pair, divided by 2"},
    res0(5, 5),
    {.high = 4, .low = 1, .name = "CRm", .about = "of the instruction", .meaning = named_register},
    kDirection,
};
constexpr Field kEret[] = {res0(24, 2), flag(1, "ERET", "instruction", "ERETAA or ERETAB", "ERET"),
                           flag(0, "ERETA", "key, if authenticated", "B", "A")};
constexpr Field kTstart[] = {
    res0(24, 10),
    {.high = 9, .low = 5, .name = "Rd", .about = "destination", .meaning = x_register},
    res0(4, 0)};
constexpr Field kAuthenticationFailure[] = {res0(24, 2),
                                            flag(1, "key type", "key for", "data", "instructions"),
                                            flag(0, "key", "which of them", "B", "A")};
constexpr Field kSme[] = {
    res0(24, 3),
    {.high = 2,
     .low = 0,
     .name = "SMTC",
     .about = "reason",
     .values = Values{{0, "access to SME functionality trapped by CPACR_EL1.SMEN or its like"},
                      {1, "illegal SVE or Advanced SIMD instruction in Streaming SVE mode"},
                      {2, "SME instruction with PSTATE.SM clear"},
                      {3, "SME instruction with PSTATE.ZA clear"},
                      {4, "access to ZT0 trapped"}}}};
constexpr Field kMemoryCopy[] = {
    flag(24, "MemInst", "instruction class", "set", "copy"),
    flag(23, "isSETG", "allocation tags", "are set", "are not set"),
    {.high = 22, .low = 19, .name = "Options", .about = "options of the instruction"},
    flag(18, "FromEpilogue", "from", "the epilogue", "prologue or main instruction"),
    flag(17, "WrongOption", "option", "another than this implementation's", "fits"),
    flag(16, "OptionA", "implementation's option", "A", "B"),
    res0(15, 15),
    {.high = 14, .low = 10, .name = "destreg", .about = "destination", .meaning = x_register},
    {.high = 9, .low = 5, .name = "srcreg", .about = "source or data", .meaning = x_register},
    {.high = 4, .low = 0, .name = "sizereg", .about = "size", .meaning = x_register},
};
constexpr Field kFloatingPoint[] = {
    res0(24, 24),
    flag(23, "TFV", "the flags below", "are valid", "are not known"),
    res0(22, 11),
    {.high = 10, .low = 8, .name = "VECITR", .about = "vector iterations, AArch32 only"},
    flag(7, "IDF", "input denormal", "occurred"),
    res0(6, 5),
    flag(4, "IXF", "inexact", "occurred"),
    flag(3, "UFF", "underflow", "occurred"),
    flag(2, "OFF", "overflow", "occurred"),
    flag(1, "DZF", "divide by zero", "occurred"),
    flag(0, "IOF", "invalid operation", "occurred"),
};
constexpr Field kBreak[] = {
    res0(24, 16),
    {.high = 15, .low = 0, .name = "Comment", .about = "immediate", .meaning = immediate}};

struct Syndrome {
  std::uint8_t ec;
  Layout layout;
};

constexpr auto kSyndromes = std::to_array<Syndrome>({
    {0x00,
     {"Unknown reason", "Arm ARM, ESR_EL2, ISS encoding for exceptions with an unknown reason",
      kNothing}},
    {0x01,
     {"WFI or WFE", "Arm ARM, ESR_EL2, ISS encoding for an exception from a WF* instruction",
      kWfx}},
    {0x03,
     {"MCR or MRC", "Arm ARM, ESR_EL2, ISS encoding for an exception from an MCR or MRC access",
      kCoprocessor}},
    {0x04,
     {"MCRR or MRRC", "Arm ARM, ESR_EL2, ISS encoding for an exception from an MCRR or MRRC access",
      kCoprocessorPair}},
    {0x05,
     {"MCR or MRC", "Arm ARM, ESR_EL2, ISS encoding for an exception from an MCR or MRC access",
      kCoprocessor}},
    {0x06,
     {"LDC or STC",
      "Arm ARM, ESR_EL2, ISS encoding for an exception from an LDC or STC instruction",
      kLoadCoprocessor}},
    {0x07,
     {"SVE, SIMD or floating-point access",
      "Arm ARM, ESR_EL2, ISS encoding for an exception from an access to SVE, Advanced SIMD "
      "or floating-point functionality",
      kFloatingPointAccess}},
    {0x08,
     {"VMRS", "Arm ARM, ESR_EL2, ISS encoding for an exception from an MCR or MRC access",
      kCoprocessor}},
    {0x09,
     {"Pointer authentication",
      "Arm ARM, ESR_EL2, ISS encoding for an exception from a Pointer Authentication "
      "instruction",
      kNothing}},
    {0x0a, {"LD64B or ST64B*", "Arm ARM, ESR_EL2", kOther}},
    {0x0c,
     {"MRRC", "Arm ARM, ESR_EL2, ISS encoding for an exception from an MCRR or MRRC access",
      kCoprocessorPair}},
    {0x0d,
     {"Branch target exception",
      "Arm ARM, ESR_EL2, ISS encoding for an exception from Branch Target Identification",
      kBranchTarget}},
    {0x0e,
     {"Illegal execution state",
      "Arm ARM, ESR_EL2, ISS encoding for an exception from an Illegal Execution state, or a "
      "PC or SP alignment fault",
      kNothing}},
    {0x11,
     {"SVC",
      "Arm ARM, ESR_EL2, ISS encoding for an exception from HVC or SVC instruction "
      "execution",
      kCall}},
    {0x12,
     {"HVC",
      "Arm ARM, ESR_EL2, ISS encoding for an exception from HVC or SVC instruction "
      "execution",
      kCall}},
    {0x13,
     {"SMC",
      "Arm ARM, ESR_EL2, ISS encoding for an exception from SMC instruction execution "
      "in AArch32 state",
      kSmc32}},
    {0x14,
     {"MSRR, MRRS or 128-bit SYSP",
      "Arm ARM, ESR_EL2, ISS encoding for an exception from MSRR, MRRS, or 128-bit System "
      "instruction execution",
      kSystemRegister128}},
    {0x15,
     {"SVC",
      "Arm ARM, ESR_EL2, ISS encoding for an exception from HVC or SVC instruction "
      "execution",
      kCall}},
    {0x16,
     {"HVC",
      "Arm ARM, ESR_EL2, ISS encoding for an exception from HVC or SVC instruction "
      "execution",
      kCall}},
    {0x17,
     {"SMC",
      "Arm ARM, ESR_EL2, ISS encoding for an exception from SMC instruction execution "
      "in AArch64 state",
      kCall}},
    {0x18,
     {"MSR, MRS or system instruction",
      "Arm ARM, ESR_EL2, ISS encoding for an exception from MSR, MRS, or System instruction "
      "execution in AArch64 state",
      kSystemRegister}},
    {0x19,
     {"SVE access",
      "Arm ARM, ESR_EL2, ISS encoding for an exception from an access to SVE functionality",
      kNothing}},
    {0x1a,
     {"ERET", "Arm ARM, ESR_EL2, ISS encoding for an exception from ERET, ERETAA, or ERETAB",
      kEret}},
    {0x1b,
     {"TSTART", "Arm ARM, ESR_EL2, ISS encoding for an exception from a TSTART instruction",
      kTstart}},
    {0x1c,
     {"Pointer authentication failure", "Arm ARM, ESR_EL2, ISS encoding for a PAC Fail exception",
      kAuthenticationFailure}},
    {0x1d,
     {"SME access", "Arm ARM, ESR_EL2, ISS encoding for an exception due to SME functionality",
      kSme}},
    {0x22,
     {"PC alignment fault",
      "Arm ARM, ESR_EL2, ISS encoding for an exception from an Illegal Execution state, or a "
      "PC or SP alignment fault",
      kNothing}},
    {0x26,
     {"SP alignment fault",
      "Arm ARM, ESR_EL2, ISS encoding for an exception from an Illegal Execution state, or a "
      "PC or SP alignment fault",
      kNothing}},
    {0x27,
     {"Memory copy or memory set",
      "Arm ARM, ESR_EL2, ISS encoding for an exception from the Memory Copy and Memory Set "
      "instructions",
      kMemoryCopy}},
    {0x28,
     {"Floating-point exception",
      "Arm ARM, ESR_EL2, ISS encoding for an exception from a trapped floating-point "
      "exception",
      kFloatingPoint}},
    {0x2c,
     {"Floating-point exception",
      "Arm ARM, ESR_EL2, ISS encoding for an exception from a trapped floating-point "
      "exception",
      kFloatingPoint}},
    {0x2d, {"Guarded control stack exception", "Arm ARM, ESR_EL2", kOther}},
    {0x38,
     {"BKPT",
      "Arm ARM, ESR_EL2, ISS encoding for an exception from execution of a "
      "Breakpoint instruction",
      kBreak}},
    {0x3a, {"Vector catch", "Arm ARM, ESR_EL2", kOther}},
    {0x3c,
     {"BRK",
      "Arm ARM, ESR_EL2, ISS encoding for an exception from execution of a Breakpoint "
      "instruction",
      kBreak}},
    {0x3d, {"PMU exception", "Arm ARM, ESR_EL2", kOther}},
});

constexpr Layout kReserved{"Reserved exception class", "Arm ARM, ESR_EL2", kOther};

static_assert([] {
  for (const Syndrome& syndrome : kSyndromes) {
    const Layout& layout = syndrome.layout;
    if (!is_exact(layout.fields) || layout.high() != 24 || layout.low() != 0) return false;
  }
  return true;
}());

}  // namespace

std::string register_name(std::uint64_t number, bool is_64_bit) {
  if (number == 31) return is_64_bit ? "xzr" : "wzr";
  return fmt::format("{}{}", is_64_bit ? 'x' : 'w', number);
}

const Layout* iss_layout(std::uint64_t esr) {
  if (const Layout* abort = abort_layout(esr)) return abort;
  const auto ec = static_cast<unsigned>(esr >> 26 & 0x3f);
  for (const Syndrome& syndrome : kSyndromes) {
    if (syndrome.ec == ec) return &syndrome.layout;
  }
  return &kReserved;
}

}  // namespace axvm::explain::aarch64
