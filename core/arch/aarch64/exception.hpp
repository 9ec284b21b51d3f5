#pragma once
// Exceptions that the VMM makes a guest take at EL1, as hardware would (DDI 0487 D1.3.5, the
// pseudocode AArch64.TakeException).

#include <core/arch/aarch64/hal.hpp>
#include <core/arch/aarch64/registers.hpp>
#include <core/arch/aarch64/syndrome.hpp>
#include <cstdint>
#include <optional>
#include <string_view>

namespace axvm::aarch64 {

struct GuestException {
  std::uint64_t syndrome = 0;                  ///< for ESR_EL1
  std::optional<std::uint64_t> fault_address;  ///< for FAR_EL1, when the class defines it
  std::string_view reason;                     ///< why the VMM does this, for the trace
};

namespace pstate {
inline constexpr std::uint64_t kModeMask = 0xf;
inline constexpr std::uint64_t kEl1h = 0x5;
inline constexpr std::uint64_t kAArch32 = 1ULL << 4;
inline constexpr std::uint64_t kDaif = 0xfULL << 6;
inline constexpr std::uint64_t kSsbs = 1ULL << 12;
inline constexpr std::uint64_t kPan = 1ULL << 22;
inline constexpr std::uint64_t kDit = 1ULL << 24;
inline constexpr std::uint64_t kTco = 1ULL << 25;
inline constexpr std::uint64_t kNzcv = 0xfULL << 28;
}  // namespace pstate

[[nodiscard]] constexpr bool is_el0(std::uint64_t spsr) noexcept {
  return (spsr & pstate::kModeMask) == 0;
}

/// Where a synchronous exception goes, relative to VBAR_EL1 (table D1-7).
[[nodiscard]] constexpr std::uint64_t synchronous_vector(std::uint64_t spsr) noexcept {
  if (is_el0(spsr)) return (spsr & pstate::kAArch32) != 0 ? 0x600 : 0x400;
  return (spsr & 1) != 0 ? 0x200 : 0x000;
}

/// What the CPU has beyond Armv8.0 that taking an exception changes.
struct ExceptionFeatures {
  bool pan = false;
  bool ssbs = false;
  bool mte = false;
};

/// PSTATE in the handler: condition flags, PAN and DIT stay, PAN and SSBS follow SCTLR_EL1.SPAN and
/// .DSSBS, TCO is set; single step, IL, UAO and BTYPE are cleared, the stack is SP_EL1.
[[nodiscard]] constexpr std::uint64_t handler_pstate(std::uint64_t spsr, std::uint64_t sctlr,
                                                     ExceptionFeatures has) noexcept {
  std::uint64_t state = pstate::kEl1h | pstate::kDaif;
  state |= spsr & (pstate::kNzcv | pstate::kPan | pstate::kDit);
  if (has.pan && !detail::bit(sctlr, 23)) state |= pstate::kPan;
  if (has.ssbs && detail::bit(sctlr, 44)) state |= pstate::kSsbs;
  if (has.mte) state |= pstate::kTco;
  return state;
}

/// Bits of ESR_EL1 that the syndromes made here have.
namespace esr_bits {
inline constexpr std::uint64_t kIl = 1ULL << 25;
inline constexpr std::uint64_t kFnv = 1ULL << 10;
inline constexpr std::uint64_t kEa = 1ULL << 9;
inline constexpr std::uint64_t kCm = 1ULL << 8;
inline constexpr std::uint64_t kWnr = 1ULL << 6;
}  // namespace esr_bits

/// The class of an exception that EL1 takes from the level that `spsr` tells of, where EL2 would
/// say that it came from a lower level. Classes that do not tell levels apart stay.
[[nodiscard]] constexpr ExceptionClass class_at_el1(ExceptionClass at_el2,
                                                    std::uint64_t spsr) noexcept {
  if (is_el0(spsr)) return at_el2;
  switch (at_el2) {
    case ExceptionClass::InstructionAbortLower:
    case ExceptionClass::DataAbortLower:
    case ExceptionClass::BreakpointLower:
    case ExceptionClass::StepLower:
    case ExceptionClass::WatchpointLower:
      return static_cast<ExceptionClass>(static_cast<unsigned>(at_el2) + 1);
    default: return at_el2;
  }
}

/// Whether an exception that came to EL2 is one that EL1 takes itself where EL2 does not route it
/// away: the guest then gets it as it is.
[[nodiscard]] constexpr bool belongs_to_guest(ExceptionClass c) noexcept {
  switch (c) {
    case ExceptionClass::BranchTarget:
    case ExceptionClass::IllegalState:
    case ExceptionClass::Svc32:
    case ExceptionClass::Svc:
    case ExceptionClass::PointerAuthenticationFailure:
    case ExceptionClass::PcAlignment:
    case ExceptionClass::SpAlignment:
    case ExceptionClass::MemoryCopy:
    case ExceptionClass::FloatingPoint32:
    case ExceptionClass::FloatingPoint:
    case ExceptionClass::BreakpointLower:
    case ExceptionClass::StepLower:
    case ExceptionClass::WatchpointLower:
    case ExceptionClass::Bkpt32:
    case ExceptionClass::Brk: return true;
    default: return false;
  }
}

/// Whether an exception of this class writes the fault address register (D24.2.44).
[[nodiscard]] constexpr bool writes_far(ExceptionClass c) noexcept {
  return c == ExceptionClass::PcAlignment || c == ExceptionClass::WatchpointLower;
}

/// ESR_EL1 for an exception that belongs to the guest and came to EL2 with `esr`.
[[nodiscard]] constexpr std::uint64_t syndrome_at_el1(std::uint64_t esr,
                                                      std::uint64_t spsr) noexcept {
  const auto ec = static_cast<std::uint64_t>(class_at_el1(exception_class(esr), spsr));
  return (ec << 26) | (esr & 0x3ff'ffff);
}

/// ESR_EL1 of an UNDEFINED instruction.
inline constexpr std::uint64_t kUndefinedSyndrome = esr_bits::kIl;

/// ESR_EL1 of a data abort with this status code.
[[nodiscard]] constexpr std::uint64_t data_abort_syndrome(std::uint8_t status, bool is_write,
                                                          std::uint64_t spsr) noexcept {
  const auto ec = class_at_el1(ExceptionClass::DataAbortLower, spsr);
  return (static_cast<std::uint64_t>(ec) << 26) | esr_bits::kIl | (is_write ? esr_bits::kWnr : 0) |
         status;
}

/// ESR_EL1 in place of the abort that `esr` tells of, taken from the level that `spsr` tells of.
/// What stage 2 refused the guest sees as a synchronous external abort, which for a stage-1 table
/// walk names the `walk_level`; other faults keep their status.
[[nodiscard]] constexpr std::uint64_t external_abort_syndrome(std::uint64_t esr, std::uint64_t spsr,
                                                              unsigned walk_level = 3) noexcept {
  const Abort abort(esr);
  std::uint64_t status = abort.status_code;
  std::uint64_t kept = esr & (esr_bits::kEa | (abort.far_valid ? 0 : esr_bits::kFnv));
  if (abort.by_stage2()) {
    status = abort.on_table_walk ? fault_status::kExternalOnWalk | walk_level
                                 : std::uint64_t{fault_status::kExternal};
    kept = 0;
  }
  const ExceptionClass ec = exception_class(esr);
  if (ec == ExceptionClass::DataAbortLower) kept |= esr & (esr_bits::kCm | esr_bits::kWnr);
  return (static_cast<std::uint64_t>(class_at_el1(ec, spsr)) << 26) | esr_bits::kIl | kept | status;
}

/// Makes the guest take `exception` instead of going on at ELR_EL2. False, and nothing changed,
/// when it is at the vector already: the handler's first instruction is what fails, so the guest
/// would do so forever without executing anything.
template <VirtualizationHardware U>
[[nodiscard]] bool inject(U& cpu, const GuestException& exception) {
  const std::uint64_t spsr = cpu.template read<SysReg::SPSR_EL2>();
  const std::uint64_t pc = cpu.template read<SysReg::ELR_EL2>();
  const std::uint64_t target =
      (cpu.template read<SysReg::VBAR_EL1>() & ~0x7ffULL) + synchronous_vector(spsr);
  if (pc == target && !is_el0(spsr)) return false;

  const std::uint64_t pfr1 = cpu.template read<SysReg::ID_AA64PFR1_EL1>();
  const ExceptionFeatures has{
      .pan = detail::field(cpu.template read<SysReg::ID_AA64MMFR1_EL1>(), 23, 20) != 0,
      .ssbs = detail::field(pfr1, 7, 4) != 0,
      .mte = detail::field(pfr1, 11, 8) > 1,
  };
  const std::uint64_t sctlr = cpu.template read<SysReg::SCTLR_EL1>();
  cpu.template write<SysReg::ELR_EL1>(pc);
  cpu.template write<SysReg::SPSR_EL1>(spsr);
  cpu.template write<SysReg::ESR_EL1>(exception.syndrome);
  if (exception.fault_address) cpu.template write<SysReg::FAR_EL1>(*exception.fault_address);
  cpu.template write<SysReg::ELR_EL2>(target);
  cpu.template write<SysReg::SPSR_EL2>(handler_pstate(spsr, sctlr, has));
  return true;
}

}  // namespace axvm::aarch64
