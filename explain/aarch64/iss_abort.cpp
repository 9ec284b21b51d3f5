#include <explain/aarch64/iss.hpp>
#include <explain/aarch64/layouts.hpp>

namespace axvm::explain::aarch64 {

namespace {

std::string status(std::uint64_t, std::uint64_t code) { return fault_status_text(code); }

// SRT is an X register when SF is set.
std::string transferred(std::uint64_t word, std::uint64_t number) {
  return register_name(number, (word >> 15 & 1) != 0);
}

constexpr Field kFaultStatus = {
    .high = 5, .low = 0, .name = "DFSC", .about = "fault status", .meaning = status};
constexpr Field kFetchStatus = {
    .high = 5, .low = 0, .name = "IFSC", .about = "fault status", .meaning = status};
// SET and FnV say something only of a synchronous external abort that is not on a walk.
bool is_external_abort(std::uint64_t word) {
  constexpr unsigned kExternalAbort = 0b010000;
  return (word & 0x3f) == kExternalAbort;
}
std::string error_state(std::uint64_t word, std::uint64_t value) {
  static constexpr std::string_view kStates[] = {"recoverable", "reserved", "uncontainable",
                                                 "restartable"};
  return std::string(is_external_abort(word) ? kStates[value & 3] : "");
}
std::string far_validity(std::uint64_t word, std::uint64_t value) {
  if (!is_external_abort(word)) return {};
  return value != 0 ? "is not valid" : "is valid";
}

constexpr Field kErrorState = {.high = 12,
                               .low = 11,
                               .name = "SET",
                               .about = "state after a synchronous external abort (FEAT_RAS)",
                               .meaning = error_state};
constexpr Field kFarNotValid = {.high = 10,
                                .low = 10,
                                .name = "FnV",
                                .about = "FAR_ELx, after a synchronous external abort",
                                .meaning = far_validity};
constexpr Field kExternal = flag(9, "EA", "external abort type", "1, implementation defined");
constexpr Field kMaintenance = flag(8, "CM", "cache maintenance or address translation",
                                    "it was such an instruction", "it was not");
constexpr Field kOnWalk = flag(7, "S1PTW", "stage-2 fault on a stage-1 walk",
                               "the address is that of a stage-1 descriptor", "no");
constexpr Field kWrite = flag(6, "WnR", "direction", "write", "read");
constexpr Field kNested =
    flag(13, "VNCR", "from an access by way of VNCR_EL2", "yes, the fault is EL2's own", "no");

constexpr Field kDataAbort[] = {
    flag(24, "ISV", "bits 23:14", "describe the access", "say nothing"),
    {.high = 23,
     .low = 22,
     .name = "SAS",
     .about = "access size",
     .values = Values{{0, "1 byte"}, {1, "2 bytes"}, {2, "4 bytes"}, {3, "8 bytes"}}},
    flag(21, "SSE", "sign extension", "the data have to be sign-extended", "none"),
    {.high = 20, .low = 16, .name = "SRT", .about = "register transferred", .meaning = transferred},
    flag(15, "SF", "width of the register", "64 bits", "32 bits"),
    flag(14, "AR", "acquire or release", "yes", "no"),
    kNested,
    {.high = 12, .low = 11, .name = "LST", .about = "load or store type (FEAT_LS64), else SET"},
    kFarNotValid,
    kExternal,
    kMaintenance,
    kOnWalk,
    kWrite,
    kFaultStatus,
};
constexpr Field kDataAbortUndescribed[] = {
    flag(24, "ISV", "bits 23:14", "describe the access", "say nothing"),
    res0(23, 14),
    kNested,
    kErrorState,
    kFarNotValid,
    kExternal,
    kMaintenance,
    kOnWalk,
    kWrite,
    kFaultStatus,
};
constexpr Field kInstructionAbort[] = {
    res0(24, 13), kErrorState, kFarNotValid, kExternal,
    res0(8, 8),   kOnWalk,     res0(6, 6),   kFetchStatus,
};

// AET and IESB say something only of an asynchronous SError.
bool is_asynchronous(std::uint64_t word) {
  constexpr unsigned kAsynchronous = 0b010001;
  return (word & 0x3f) == kAsynchronous;
}
std::string error_type(std::uint64_t word, std::uint64_t value) {
  static constexpr std::string_view kTypes[] = {"uncontainable", "unrecoverable", "restartable",
                                                "recoverable",   "reserved",      "reserved",
                                                "corrected",     "reserved"};
  return std::string(is_asynchronous(word) ? kTypes[value & 7] : "");
}
std::string synchronization(std::uint64_t word, std::uint64_t value) {
  return is_asynchronous(word) && value != 0 ? "the SError was synchronized by it" : "";
}

constexpr Field kSError[] = {
    flag(24, "IDS", "bits 23:0", "are implementation defined", "are as below"),
    res0(23, 14),
    {.high = 13,
     .low = 13,
     .name = "IESB",
     .about = "implicit error synchronization event",
     .meaning = synchronization},
    {.high = 12,
     .low = 10,
     .name = "AET",
     .about = "asynchronous error type",
     .meaning = error_type},
    kExternal,
    res0(8, 6),
    {.high = 5,
     .low = 0,
     .name = "DFSC",
     .about = "fault status",
     .values = Values{{0b000000, "not categorized"}, {0b010001, "asynchronous SError"}}},
};
constexpr Field kSErrorOther[] = {
    flag(24, "IDS", "bits 23:0", "are implementation defined", "are as below"),
    {.high = 23, .low = 0, .name = "IMP DEF", .about = "implementation defined"},
};
constexpr Field kBreakpoint[] = {
    res0(24, 6),
    {.high = 5,
     .low = 0,
     .name = "IFSC",
     .about = "fault status",
     .values = Values{{0b100010, "debug exception"}}},
};
constexpr Field kStep[] = {
    flag(24, "ISV", "EX", "is valid", "is not valid"),
    res0(23, 7),
    flag(6, "EX", "stepped instruction", "a load exclusive", "no load exclusive"),
    {.high = 5,
     .low = 0,
     .name = "IFSC",
     .about = "fault status",
     .values = Values{{0b100010, "debug exception"}}},
};
constexpr Field kWatchpoint[] = {
    res0(24, 24),
    {.high = 23, .low = 18, .name = "WPT", .about = "number of the watchpoint"},
    flag(17, "WPTV", "WPT", "is valid", "is not valid"),
    flag(16, "WPF", "match", "may be a false one"),
    flag(15, "FnP", "FAR_ELx", "is not precise"),
    res0(14, 14),
    kNested,
    res0(12, 11),
    flag(10, "FnV", "FAR_ELx", "is not valid", "is valid"),
    res0(9, 9),
    kMaintenance,
    res0(7, 7),
    kWrite,
    {.high = 5,
     .low = 0,
     .name = "DFSC",
     .about = "fault status",
     .values = Values{{0b100010, "debug exception"}}},
};
constexpr std::string_view kDataSection =
    "Arm ARM, ESR_EL2, ISS encoding for an exception from a Data Abort";
constexpr Layout kData{"Data abort", kDataSection, kDataAbort};
constexpr Layout kDataUndescribed{"Data abort", kDataSection, kDataAbortUndescribed};
constexpr Layout kInstruction{"Instruction abort",
                              "Arm ARM, ESR_EL2, ISS encoding for an exception from an Instruction "
                              "Abort",
                              kInstructionAbort};
constexpr std::string_view kSErrorSection =
    "Arm ARM, ESR_EL2, ISS encoding for an SError exception";
constexpr Layout kError{"SError", kSErrorSection, kSError};
constexpr Layout kErrorOther{"SError", kSErrorSection, kSErrorOther};
constexpr Layout kBreakpointLayout{
    "Breakpoint",
    "Arm ARM, ESR_EL2, ISS encoding for an exception from a Breakpoint or Vector Catch debug "
    "exception",
    kBreakpoint};
constexpr Layout kStepLayout{
    "Software step",
    "Arm ARM, ESR_EL2, ISS encoding for an exception from a Software Step exception", kStep};
constexpr Layout kWatchpointLayout{
    "Watchpoint", "Arm ARM, ESR_EL2, ISS encoding for an exception from a Watchpoint exception",
    kWatchpoint};

constexpr bool is_iss(const Layout& layout) {
  return is_exact(layout.fields) && layout.high() == 24 && layout.low() == 0;
}
static_assert(is_iss(kData) && is_iss(kDataUndescribed) && is_iss(kInstruction));
static_assert(is_iss(kError) && is_iss(kErrorOther) && is_iss(kBreakpointLayout));
static_assert(is_iss(kStepLayout) && is_iss(kWatchpointLayout));

}  // namespace

const Layout* abort_layout(std::uint64_t esr) {
  const bool first = (esr >> 24 & 1) != 0;
  switch (esr >> 26 & 0x3f) {
    case 0x20:
    case 0x21: return &kInstruction;
    case 0x24:
    case 0x25: return first ? &kData : &kDataUndescribed;
    case 0x2f: return first ? &kErrorOther : &kError;
    case 0x30:
    case 0x31: return &kBreakpointLayout;
    case 0x32:
    case 0x33: return &kStepLayout;
    case 0x34:
    case 0x35: return &kWatchpointLayout;
    default: return nullptr;
  }
}

}  // namespace axvm::explain::aarch64
