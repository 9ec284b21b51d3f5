#include <sim/arch/aarch64/fixed_registers.hpp>

namespace axvm::sim::aarch64 {
namespace {

constexpr SysReg kPmintenset{3, 0, 9, 14, 1};
constexpr SysReg kPmintenclr{3, 0, 9, 14, 2};
constexpr SysReg kPmceid0{3, 3, 9, 12, 6};
constexpr SysReg kPmceid1{3, 3, 9, 12, 7};
constexpr SysReg kPmswinc{3, 3, 9, 12, 4};
constexpr SysReg kPmccfiltr{3, 3, 14, 15, 7};
constexpr unsigned kEventCounters = 4;

constexpr unsigned kBreakpoints = 6;
constexpr unsigned kWatchpoints = 4;

/// The feature registers that are not zero. AArch32's are zero: there is none.
constexpr std::uint64_t feature(SysReg r) noexcept {
  switch (r.encoding) {
    // The system registers of an interrupt controller; no EL3; AArch64 only at every level.
    case reg::ID_AA64PFR0_EL1.encoding: return 0x0100'0111;
    // Six breakpoints, four watchpoints, performance monitors version 3.
    case SysReg(3, 0, 0, 5, 0).encoding: return 0x1030'5106;  // ID_AA64DFR0_EL1
    case SysReg(3, 0, 0, 6, 0).encoding:
      return 0x1'1120;  // ID_AA64ISAR0_EL1: AES, SHA, CRC32
    // 44-bit addresses, 16-bit ASIDs, both byte orders; the 4 KiB granule only.
    case reg::ID_AA64MMFR0_EL1.encoding: return 0x0f00'1124;
    default: return 0;
  }
}

/// DBGBVR<n>_EL1, DBGBCR<n>_EL1, DBGWVR<n>_EL1, DBGWCR<n>_EL1.
constexpr bool is_comparator(SysReg r) noexcept {
  if (r.op1() != 0 || r.crn() != 0) return false;
  if (r.op2() == 4 || r.op2() == 5) return r.crm() < kBreakpoints;
  return (r.op2() == 6 || r.op2() == 7) && r.crm() < kWatchpoints;
}
constexpr bool is_plain_debug_register(SysReg r) noexcept {
  return r == reg::MDSCR_EL1 || r == SysReg(2, 0, 0, 2, 0) ||  // MDCCINT_EL1
         r == SysReg(2, 0, 1, 3, 4);                           // OSDLR_EL1
}

}  // namespace

bool is_performance_monitor(SysReg r) noexcept {
  if (r == kPmintenset || r == kPmintenclr) return true;
  if (r.op0() != 3 || r.op1() != 3) return false;
  if (r.crn() == 9) {
    return r.crm() == 12 || (r.crm() == 13 && r.op2() <= 2) ||
           (r.crm() == 14 && (r.op2() == 0 || r.op2() == 3));
  }
  if (r.crn() != 14) return false;
  // PMEVCNTR<n>_EL0, PMEVTYPER<n>_EL0
  return ((r.crm() == 8 || r.crm() == 12) && r.op2() < kEventCounters) || r == kPmccfiltr;
}

std::optional<std::uint64_t> fixed_register(SysReg r) noexcept {
  const bool identification = r.op0() == 3 && r.op1() == 0 && r.crn() == 0;
  if (identification && r.crm() >= 1 && r.crm() <= 7) return feature(r);
  if (is_debug_register(r)) {
    if (is_comparator(r) || is_plain_debug_register(r) || r == reg::MDRAR_EL1) return 0;
    return std::nullopt;
  }
  if (r == reg::PMCR_EL0) return 0x4100'0040 | kEventCounters << 11;
  if (r == kPmswinc) return std::nullopt;  // write-only
  // PMCCNTR_EL0 counts: it is no fixed one.
  if (is_performance_monitor(r) && r != reg::PMCCNTR_EL0) return 0;
  switch (r.encoding) {
    case reg::REVIDR_EL1.encoding:
    case reg::AIDR_EL1.encoding:
    case reg::ACTLR_EL1.encoding:
    case reg::AFSR0_EL1.encoding:
    case reg::AFSR1_EL1.encoding:
    case reg::AMAIR_EL1.encoding: return 0;
    case reg::CLIDR_EL1.encoding: return 0x0a20'0023;  // two levels, unified second
    case reg::CTR_EL0.encoding: return 0x8444'c004;    // 64-byte lines, PIPT
    case reg::CNTFRQ_EL0.encoding: return 62'500'000;
    default: return std::nullopt;
  }
}

bool ignores_writes(SysReg r) noexcept {
  if (r == reg::MDRAR_EL1 || r == kPmceid0 || r == kPmceid1) return false;
  if (r == kPmswinc || is_performance_monitor(r)) return true;
  return is_debug_register(r) && fixed_register(r).has_value();
}

}  // namespace axvm::sim::aarch64
