#include <fmt/format.h>

#include <array>
#include <hal-sim/arch/aarch64/trace/sysreg_names.hpp>
#include <string_view>

namespace axvm::hal_sim::aarch64 {
namespace {

struct Name {
  std::uint8_t op0, op1, crn, crm, op2;
  std::string_view text;
};

// DDI 0487 D24.2 and D24.7-D24.8: what guests touch and hypervisors trap.
constexpr auto kNames = std::to_array<Name>({
    {3, 0, 0, 0, 0, "MIDR_EL1"},
    {3, 0, 0, 0, 5, "MPIDR_EL1"},
    {3, 0, 0, 0, 6, "REVIDR_EL1"},
    {3, 0, 0, 1, 0, "ID_PFR0_EL1"},
    {3, 0, 0, 1, 1, "ID_PFR1_EL1"},
    {3, 0, 0, 1, 2, "ID_DFR0_EL1"},
    {3, 0, 0, 1, 4, "ID_MMFR0_EL1"},
    {3, 0, 0, 1, 5, "ID_MMFR1_EL1"},
    {3, 0, 0, 1, 6, "ID_MMFR2_EL1"},
    {3, 0, 0, 1, 7, "ID_MMFR3_EL1"},
    {3, 0, 0, 2, 0, "ID_ISAR0_EL1"},
    {3, 0, 0, 2, 1, "ID_ISAR1_EL1"},
    {3, 0, 0, 2, 2, "ID_ISAR2_EL1"},
    {3, 0, 0, 2, 3, "ID_ISAR3_EL1"},
    {3, 0, 0, 2, 4, "ID_ISAR4_EL1"},
    {3, 0, 0, 2, 5, "ID_ISAR5_EL1"},
    {3, 0, 0, 2, 6, "ID_MMFR4_EL1"},
    {3, 0, 0, 2, 7, "ID_ISAR6_EL1"},
    {3, 0, 0, 3, 0, "MVFR0_EL1"},
    {3, 0, 0, 3, 1, "MVFR1_EL1"},
    {3, 0, 0, 3, 2, "MVFR2_EL1"},
    {3, 0, 0, 4, 0, "ID_AA64PFR0_EL1"},
    {3, 0, 0, 4, 1, "ID_AA64PFR1_EL1"},
    {3, 0, 0, 4, 4, "ID_AA64ZFR0_EL1"},
    {3, 0, 0, 4, 5, "ID_AA64SMFR0_EL1"},
    {3, 0, 0, 5, 0, "ID_AA64DFR0_EL1"},
    {3, 0, 0, 5, 1, "ID_AA64DFR1_EL1"},
    {3, 0, 0, 5, 4, "ID_AA64AFR0_EL1"},
    {3, 0, 0, 5, 5, "ID_AA64AFR1_EL1"},
    {3, 0, 0, 6, 0, "ID_AA64ISAR0_EL1"},
    {3, 0, 0, 6, 1, "ID_AA64ISAR1_EL1"},
    {3, 0, 0, 6, 2, "ID_AA64ISAR2_EL1"},
    {3, 0, 0, 7, 0, "ID_AA64MMFR0_EL1"},
    {3, 0, 0, 7, 1, "ID_AA64MMFR1_EL1"},
    {3, 0, 0, 7, 2, "ID_AA64MMFR2_EL1"},
    {3, 0, 0, 7, 3, "ID_AA64MMFR3_EL1"},
    {3, 0, 1, 0, 0, "SCTLR_EL1"},
    {3, 0, 1, 0, 1, "ACTLR_EL1"},
    {3, 0, 1, 0, 2, "CPACR_EL1"},
    {3, 0, 2, 0, 0, "TTBR0_EL1"},
    {3, 0, 2, 0, 1, "TTBR1_EL1"},
    {3, 0, 2, 0, 2, "TCR_EL1"},
    {3, 0, 4, 6, 0, "ICC_PMR_EL1"},
    {3, 0, 9, 14, 1, "PMINTENSET_EL1"},
    {3, 0, 9, 14, 2, "PMINTENCLR_EL1"},
    {3, 0, 12, 8, 0, "ICC_IAR0_EL1"},
    {3, 0, 12, 11, 5, "ICC_SGI1R_EL1"},
    {3, 0, 12, 12, 0, "ICC_IAR1_EL1"},
    {3, 0, 12, 12, 1, "ICC_EOIR1_EL1"},
    {3, 0, 12, 12, 3, "ICC_BPR1_EL1"},
    {3, 0, 12, 12, 4, "ICC_CTLR_EL1"},
    {3, 0, 12, 12, 5, "ICC_SRE_EL1"},
    {3, 0, 12, 12, 7, "ICC_IGRPEN1_EL1"},
    {3, 1, 0, 0, 0, "CCSIDR_EL1"},
    {3, 1, 0, 0, 1, "CLIDR_EL1"},
    {3, 2, 0, 0, 0, "CSSELR_EL1"},
    {3, 3, 0, 0, 1, "CTR_EL0"},
    {3, 3, 9, 12, 0, "PMCR_EL0"},
    {3, 3, 9, 13, 0, "PMCCNTR_EL0"},
    {3, 3, 14, 0, 0, "CNTFRQ_EL0"},
    {3, 3, 14, 0, 1, "CNTPCT_EL0"},
    {3, 3, 14, 0, 2, "CNTVCT_EL0"},
    {3, 3, 14, 2, 0, "CNTP_TVAL_EL0"},
    {3, 3, 14, 2, 1, "CNTP_CTL_EL0"},
    {3, 3, 14, 2, 2, "CNTP_CVAL_EL0"},
    {3, 3, 14, 3, 0, "CNTV_TVAL_EL0"},
    {3, 3, 14, 3, 1, "CNTV_CTL_EL0"},
    {3, 3, 14, 3, 2, "CNTV_CVAL_EL0"},
    {2, 0, 0, 2, 2, "MDSCR_EL1"},
    {2, 0, 1, 0, 4, "OSLAR_EL1"},
    {2, 0, 1, 1, 4, "OSLSR_EL1"},
    {2, 0, 1, 3, 4, "OSDLR_EL1"},
    {1, 0, 7, 6, 2, "DC ISW"},
    {1, 0, 7, 10, 2, "DC CSW"},
    {1, 0, 7, 14, 2, "DC CISW"},
});

}  // namespace

std::string sysreg_name(std::uint16_t encoding) {
  const unsigned op0 = encoding >> 14;
  const unsigned op1 = encoding >> 11 & 7;
  const unsigned crn = encoding >> 7 & 15;
  const unsigned crm = encoding >> 3 & 15;
  const unsigned op2 = encoding & 7;
  for (const Name& name : kNames) {
    if (name.op0 == op0 && name.op1 == op1 && name.crn == crn && name.crm == crm &&
        name.op2 == op2) {
      return std::string(name.text);
    }
  }
  return fmt::format("S{}_{}_C{}_C{}_{}", op0, op1, crn, crm, op2);
}

}  // namespace axvm::hal_sim::aarch64
