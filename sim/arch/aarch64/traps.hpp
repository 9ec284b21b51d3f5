#pragma once
// Which instructions of EL1 and EL0 trap, by the controls of EL2 (DDI 0487 D1.3.5, D24.2). Pure
// functions of instruction words and registers.

#include <cstdint>
#include <sim/arch/aarch64/el2_registers.hpp>
#include <sim/arch/aarch64/sysreg.hpp>

namespace axvm::sim::aarch64 {

namespace instruction {
inline constexpr std::uint32_t kSvc = 0xd4000001;  // SVC #0
inline constexpr std::uint32_t kYield = 0xd503203f;
inline constexpr std::uint32_t kWfe = 0xd503205f;
inline constexpr std::uint32_t kWfi = 0xd503207f;
inline constexpr std::uint32_t kSev = 0xd503209f;
inline constexpr std::uint32_t kSevl = 0xd50320bf;
inline constexpr std::uint32_t kEret = 0xd69f03e0;
}  // namespace instruction

constexpr bool is_svc(std::uint32_t word) noexcept {
  return (word & 0xffe0'001f) == instruction::kSvc;
}
/// MRS, MSR (register), SYS or SYSL: op0 is not 0 (C4.1.93).
constexpr bool is_system_access(std::uint32_t word) noexcept {
  return (word & 0xffc00000) == 0xd5000000 && (word & (3U << 19)) != 0;
}
constexpr bool is_read(std::uint32_t word) noexcept { return (word & (1U << 21)) != 0; }
constexpr SysReg register_of(std::uint32_t word) noexcept {
  return SysReg(static_cast<std::uint16_t>(word >> 5));
}
/// ISB, and what may unmask interrupts: MSR DAIFClr, MSR DAIF. What is pending behind them has to
/// be taken there (D1.3.6).
constexpr bool synchronizes_interrupts(std::uint32_t word) noexcept {
  return (word & 0xfffff0ff) == 0xd50330df || (word & 0xfffff0ff) == 0xd50340ff ||
         (word & 0xffffffe0) == 0xd51b4220;
}
/// What needs the FP and SIMD registers: data processing, loads and stores of V registers, FPCR and
/// FPSR (C4.1). In the group of data processing, op0 alone rules some out (C4.1.96).
constexpr bool is_fp(std::uint32_t word) noexcept {
  if ((word & 0x0c000000) == 0x0c000000) {
    constexpr unsigned kUnallocated = 1U << 8 | 1U << 10 | 1U << 13 | 1U << 14 | 1U << 15;
    const bool processes_data = (word & (1U << 25)) != 0;
    return !processes_data || ((kUnallocated >> (word >> 28)) & 1) == 0;
  }
  return is_system_access(word) &&
         (register_of(word) == reg::FPCR || register_of(word) == reg::FPSR);
}

/// The TLBI instructions of EL1 that this CPU has: neither FEAT_TLBIOS nor FEAT_TLBIRANGE.
[[nodiscard]] bool is_tlbi(SysReg op) noexcept;
/// AT S1E1R, S1E1W, S1E0R, S1E0W.
constexpr bool is_address_translation(SysReg op) noexcept {
  return op.op0() == 1 && op.op1() == 0 && op.crn() == 7 && op.crm() == 8 && op.op2() <= 3;
}
/// DC and IC by VA, without DC ZVA.
[[nodiscard]] bool is_cache_maintenance_by_va(SysReg op) noexcept;
/// The counters and timers of EL0, without CNTFRQ_EL0.
[[nodiscard]] bool is_timer(SysReg r) noexcept;

/// What EL1 may open to EL0 (D1.3.5.1): CTR_EL0, DAIF, cache maintenance by VA, timers and
/// performance monitors. When it has not, EL0 traps to EL1 with a syndrome of its own.
[[nodiscard]] bool is_configurable_at_el0(SysReg r) noexcept;

/// True when EL2's controls make this system access, WFE or FP instruction trap from EL1.
[[nodiscard]] bool traps_to_el2(const El2Registers& el2, std::uint32_t word) noexcept;

/// Whether CPACR_EL1.FPEN makes FP instructions trap to EL1 from `el` (D24.2.33).
constexpr bool fp_traps_to_el1(std::uint64_t cpacr, unsigned el) noexcept {
  const std::uint64_t enabled = (cpacr >> 20) & 3;
  return enabled == 1 ? el == 0 : enabled != 3;
}

}  // namespace axvm::sim::aarch64
