#include <algorithm>
#include <array>
#include <hal-sim/arch/aarch64/trace/qemu_differences.hpp>
#include <hal-sim/arch/aarch64/trace/syndrome_text.hpp>

namespace axvm::hal_sim::aarch64 {
namespace {

constexpr std::uint64_t kOnWalk = 1 << 7;  // S1PTW
constexpr std::uint64_t kLevel = 0b11;     // of DFSC and IFSC

constexpr std::uint64_t kMaintenance = 1 << 8;  // CM
constexpr std::uint64_t kWaitsFor = 0b11;       // TI: 0 WFI, 1 WFE

/// A system register as the core names it in its events, and as ESR_EL2 does.
constexpr std::uint64_t encoding(unsigned op0, unsigned op1, unsigned crn, unsigned crm,
                                 unsigned op2) {
  return op0 << 14 | op1 << 11 | crn << 7 | crm << 3 | op2;
}
constexpr std::uint64_t encoding_of(std::uint64_t esr) {
  const auto field = [esr](unsigned low, unsigned bits) {
    return static_cast<unsigned>(esr >> low & ((1U << bits) - 1));
  };
  return encoding(field(20, 2), field(14, 3), field(10, 4), field(1, 4), field(17, 3));
}

constexpr std::array kUnknownRegisters = {
    encoding(2, 0, 7, 14, 6),  // DBGAUTHSTATUS_EL1
    encoding(2, 0, 7, 8, 6),   // DBGCLAIMSET_EL1
    encoding(2, 0, 7, 9, 6),   // DBGCLAIMCLR_EL1
    encoding(2, 0, 0, 6, 2),   // OSECCR_EL1
    encoding(2, 3, 0, 4, 0),   // DBGDTR_EL0
    encoding(2, 3, 0, 5, 0),   // DBGDTRRX_EL0, DBGDTRTX_EL0
};

bool is_unknown_register(std::uint64_t number) {
  return std::ranges::find(kUnknownRegisters, number) != kUnknownRegisters.end();
}

bool is_abort_on_walk(std::uint64_t esr) {
  const unsigned ec = exception_class(esr);
  const bool is_abort = ec == kDataAbort || ec == kInstructionAbort;
  return is_abort && (esr & kOnWalk) != 0;
}

}  // namespace

bool is_qemu_difference(const TraceEvent& a, const TraceEvent& b) {
  if (a.kind != b.kind || a.fields.size() != b.fields.size() || a.kind != "TrapTaken") return false;
  for (const TraceField& field : a.fields) {
    const TraceValue* const other = b.find(field.name);
    if (other != nullptr && field.value == *other) continue;
    const std::uint64_t ours = a.number("syndrome");
    const std::uint64_t theirs = b.number("syndrome");
    if (field.name != "syndrome" || !is_abort_on_walk(ours)) return false;
    if (((ours ^ theirs) & ~kLevel) != 0) return false;
  }
  return true;
}

bool is_missing_in_qemu(const TraceEvent& event) {
  if (event.kind == "DeviceAccess") {
    const TraceValue* const bus = event.find("bus");
    return bus != nullptr && *bus == TraceValue(std::string("SysReg")) &&
           is_unknown_register(event.number("address"));
  }
  if (event.kind != "TrapTaken" || event.number("cause") != 0) return false;
  const std::uint64_t esr = event.number("syndrome");
  switch (exception_class(esr)) {
    case kDataAbort: return (esr & kMaintenance) != 0 && (esr & kOnWalk) == 0;
    case kWfx: return (esr & kWaitsFor) == 1;
    case kSystemRegister: return is_unknown_register(encoding_of(esr));
    default: return false;
  }
}

}  // namespace axvm::hal_sim::aarch64
