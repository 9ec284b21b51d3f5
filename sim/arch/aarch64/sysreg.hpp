#pragma once
// AArch64 system registers as this machine knows them (DDI 0487, D24.2). Written for the machine
// from the manual; the VMM has its own list.

#include <cstdint>

namespace axvm::sim::aarch64 {

/// op0, op1, CRn, CRm, op2 packed as MRS and MSR carry them in bits 20:5.
struct SysReg {
  std::uint16_t encoding = 0;

  constexpr SysReg() = default;
  constexpr explicit SysReg(std::uint16_t e) noexcept : encoding(e) {}
  constexpr SysReg(unsigned op0, unsigned op1, unsigned crn, unsigned crm, unsigned op2) noexcept
      : encoding(static_cast<std::uint16_t>((op0 << 14) | (op1 << 11) | (crn << 7) | (crm << 3) |
                                            op2)) {}

  [[nodiscard]] constexpr unsigned op0() const noexcept { return encoding >> 14; }
  [[nodiscard]] constexpr unsigned op1() const noexcept { return (encoding >> 11) & 7; }
  [[nodiscard]] constexpr unsigned crn() const noexcept { return (encoding >> 7) & 15; }
  [[nodiscard]] constexpr unsigned crm() const noexcept { return (encoding >> 3) & 15; }
  [[nodiscard]] constexpr unsigned op2() const noexcept { return encoding & 7; }

  friend constexpr bool operator==(SysReg, SysReg) = default;
};

/// The registers that the machine treats by name, in the order of their encodings.
namespace reg {
inline constexpr SysReg IC_IALLUIS{1, 0, 7, 1, 0};
inline constexpr SysReg IC_IALLU{1, 0, 7, 5, 0};
inline constexpr SysReg IC_IVAU{1, 3, 7, 5, 1};
inline constexpr SysReg MDSCR_EL1{2, 0, 0, 2, 2};
inline constexpr SysReg MDRAR_EL1{2, 0, 1, 0, 0};
inline constexpr SysReg OSLAR_EL1{2, 0, 1, 0, 4};
inline constexpr SysReg MIDR_EL1{3, 0, 0, 0, 0};
inline constexpr SysReg MPIDR_EL1{3, 0, 0, 0, 5};
inline constexpr SysReg REVIDR_EL1{3, 0, 0, 0, 6};
inline constexpr SysReg ID_AA64PFR0_EL1{3, 0, 0, 4, 0};
inline constexpr SysReg ID_AA64MMFR0_EL1{3, 0, 0, 7, 0};
inline constexpr SysReg SCTLR_EL1{3, 0, 1, 0, 0};
inline constexpr SysReg ACTLR_EL1{3, 0, 1, 0, 1};
inline constexpr SysReg CPACR_EL1{3, 0, 1, 0, 2};
inline constexpr SysReg TTBR0_EL1{3, 0, 2, 0, 0};
inline constexpr SysReg TTBR1_EL1{3, 0, 2, 0, 1};
inline constexpr SysReg TCR_EL1{3, 0, 2, 0, 2};
inline constexpr SysReg SPSR_EL1{3, 0, 4, 0, 0};
inline constexpr SysReg ELR_EL1{3, 0, 4, 0, 1};
inline constexpr SysReg SP_EL0{3, 0, 4, 1, 0};
inline constexpr SysReg SPSEL{3, 0, 4, 2, 0};
inline constexpr SysReg AFSR0_EL1{3, 0, 5, 1, 0};
inline constexpr SysReg AFSR1_EL1{3, 0, 5, 1, 1};
inline constexpr SysReg ESR_EL1{3, 0, 5, 2, 0};
inline constexpr SysReg FAR_EL1{3, 0, 6, 0, 0};
inline constexpr SysReg PAR_EL1{3, 0, 7, 4, 0};
inline constexpr SysReg MAIR_EL1{3, 0, 10, 2, 0};
inline constexpr SysReg AMAIR_EL1{3, 0, 10, 3, 0};
inline constexpr SysReg VBAR_EL1{3, 0, 12, 0, 0};
inline constexpr SysReg ISR_EL1{3, 0, 12, 1, 0};
inline constexpr SysReg ICC_DIR_EL1{3, 0, 12, 11, 1};
inline constexpr SysReg ICC_SRE_EL1{3, 0, 12, 12, 5};
inline constexpr SysReg CONTEXTIDR_EL1{3, 0, 13, 0, 1};
inline constexpr SysReg CNTKCTL_EL1{3, 0, 14, 1, 0};
inline constexpr SysReg CCSIDR_EL1{3, 1, 0, 0, 0};
inline constexpr SysReg CLIDR_EL1{3, 1, 0, 0, 1};
inline constexpr SysReg AIDR_EL1{3, 1, 0, 0, 7};
inline constexpr SysReg CSSELR_EL1{3, 2, 0, 0, 0};
inline constexpr SysReg CTR_EL0{3, 3, 0, 0, 1};
inline constexpr SysReg DCZID_EL0{3, 3, 0, 0, 7};
inline constexpr SysReg DAIF{3, 3, 4, 2, 1};
inline constexpr SysReg FPCR{3, 3, 4, 4, 0};
inline constexpr SysReg FPSR{3, 3, 4, 4, 1};
inline constexpr SysReg PMCR_EL0{3, 3, 9, 12, 0};
inline constexpr SysReg PMCCNTR_EL0{3, 3, 9, 13, 0};
inline constexpr SysReg CNTFRQ_EL0{3, 3, 14, 0, 0};
inline constexpr SysReg HCR_EL2{3, 4, 1, 1, 0};
inline constexpr SysReg MDCR_EL2{3, 4, 1, 1, 1};
inline constexpr SysReg CPTR_EL2{3, 4, 1, 1, 2};
inline constexpr SysReg VTTBR_EL2{3, 4, 2, 1, 0};
inline constexpr SysReg VTCR_EL2{3, 4, 2, 1, 2};
inline constexpr SysReg SPSR_EL2{3, 4, 4, 0, 0};
inline constexpr SysReg ELR_EL2{3, 4, 4, 0, 1};
inline constexpr SysReg SP_EL1{3, 4, 4, 1, 0};
inline constexpr SysReg ESR_EL2{3, 4, 5, 2, 0};
inline constexpr SysReg FAR_EL2{3, 4, 6, 0, 0};
inline constexpr SysReg HPFAR_EL2{3, 4, 6, 0, 4};
inline constexpr SysReg CNTVOFF_EL2{3, 4, 14, 0, 3};
inline constexpr SysReg CNTHCTL_EL2{3, 4, 14, 1, 0};
inline constexpr SysReg SCR_EL3{3, 6, 1, 1, 0};
}  // namespace reg

/// The registers of EL1 that translation depends on.
constexpr bool is_translation_register(SysReg r) noexcept {
  return r == reg::SCTLR_EL1 || r == reg::TTBR0_EL1 || r == reg::TTBR1_EL1 || r == reg::TCR_EL1 ||
         r == reg::MAIR_EL1;
}

/// There is no AArch32: SPSR_ELx.M[4] is RES0.
constexpr std::uint64_t without_aarch32(std::uint64_t spsr) noexcept {
  return spsr & ~(std::uint64_t{1} << 4);
}

}  // namespace axvm::sim::aarch64
