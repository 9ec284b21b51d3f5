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

/// PSTATE in the handler. PAN and SSBS follow SCTLR_EL1.SPAN and .DSSBS where the CPU has them.
[[nodiscard]] constexpr std::uint64_t handler_pstate(std::uint64_t spsr, std::uint64_t sctlr,
                                                     bool has_pan, bool has_ssbs) noexcept {
  std::uint64_t state = pstate::kEl1h | pstate::kDaif;
  state |= spsr & (pstate::kNzcv | pstate::kPan | pstate::kDit);
  if (has_pan && !detail::bit(sctlr, 23)) state |= pstate::kPan;
  if (has_ssbs && detail::bit(sctlr, 44)) state |= pstate::kSsbs;
  return state;
}

/// ESR_EL1 of an UNDEFINED instruction.
inline constexpr std::uint64_t kUndefinedSyndrome = 1ULL << 25;

/// ESR_EL1 of a synchronous external abort in place of the abort that `esr` tells of, taken from
/// the level that `spsr` tells of.
[[nodiscard]] constexpr std::uint64_t external_abort_syndrome(std::uint64_t esr,
                                                              std::uint64_t spsr) noexcept {
  constexpr std::uint64_t kIl = 1ULL << 25;
  constexpr std::uint64_t kCmAndWnr = (1ULL << 8) | (1ULL << 6);
  constexpr std::uint64_t kSynchronousExternal = 0b01'0000;
  const bool data = exception_class(esr) == ExceptionClass::DataAbortLower;
  const auto lower = data ? ExceptionClass::DataAbortLower : ExceptionClass::InstructionAbortLower;
  const std::uint64_t ec = static_cast<std::uint64_t>(lower) | (is_el0(spsr) ? 0 : 1);
  return (ec << 26) | kIl | (data ? esr & kCmAndWnr : 0) | kSynchronousExternal;
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

  const bool has_pan = detail::field(cpu.template read<SysReg::ID_AA64MMFR1_EL1>(), 23, 20) != 0;
  const bool has_ssbs = detail::field(cpu.template read<SysReg::ID_AA64PFR1_EL1>(), 7, 4) != 0;
  const std::uint64_t sctlr = cpu.template read<SysReg::SCTLR_EL1>();
  cpu.template write<SysReg::ELR_EL1>(pc);
  cpu.template write<SysReg::SPSR_EL1>(spsr);
  cpu.template write<SysReg::ESR_EL1>(exception.syndrome);
  if (exception.fault_address) cpu.template write<SysReg::FAR_EL1>(*exception.fault_address);
  cpu.template write<SysReg::ELR_EL2>(target);
  cpu.template write<SysReg::SPSR_EL2>(handler_pstate(spsr, sctlr, has_pan, has_ssbs));
  return true;
}

}  // namespace axvm::aarch64
