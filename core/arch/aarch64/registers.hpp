#pragma once
// System registers of AArch64 that a hypervisor at EL2 touches, and the fields it uses.
// Arm Architecture Reference Manual for A-profile (DDI 0487), chapter D24.

#include <cstdint>

namespace axvm::aarch64 {

/// The encoding of MRS/MSR: op0, op1, CRn, CRm, op2 packed as in the instruction (bits 20:5).
constexpr std::uint16_t sysreg_encoding(unsigned op0, unsigned op1, unsigned crn, unsigned crm,
                                        unsigned op2) {
  return static_cast<std::uint16_t>((op0 << 14) | (op1 << 11) | (crn << 7) | (crm << 3) | op2);
}

enum class SysReg : std::uint16_t {
  // Identification, read by the VMM to see what the CPU has.
  MIDR_EL1 = sysreg_encoding(3, 0, 0, 0, 0),
  MPIDR_EL1 = sysreg_encoding(3, 0, 0, 0, 5),
  ID_AA64PFR0_EL1 = sysreg_encoding(3, 0, 0, 4, 0),
  ID_AA64PFR1_EL1 = sysreg_encoding(3, 0, 0, 4, 1),
  ID_AA64DFR0_EL1 = sysreg_encoding(3, 0, 0, 5, 0),
  ID_AA64DFR1_EL1 = sysreg_encoding(3, 0, 0, 5, 1),
  ID_AA64ISAR0_EL1 = sysreg_encoding(3, 0, 0, 6, 0),
  ID_AA64ISAR1_EL1 = sysreg_encoding(3, 0, 0, 6, 1),
  ID_AA64MMFR0_EL1 = sysreg_encoding(3, 0, 0, 7, 0),
  ID_AA64MMFR1_EL1 = sysreg_encoding(3, 0, 0, 7, 1),
  ID_AA64MMFR2_EL1 = sysreg_encoding(3, 0, 0, 7, 2),
  DCZID_EL0 = sysreg_encoding(3, 3, 0, 0, 7),

  // The guest's own state, switched when a CPU takes another vCPU.
  SCTLR_EL1 = sysreg_encoding(3, 0, 1, 0, 0),
  ACTLR_EL1 = sysreg_encoding(3, 0, 1, 0, 1),
  CPACR_EL1 = sysreg_encoding(3, 0, 1, 0, 2),
  TTBR0_EL1 = sysreg_encoding(3, 0, 2, 0, 0),
  TTBR1_EL1 = sysreg_encoding(3, 0, 2, 0, 1),
  TCR_EL1 = sysreg_encoding(3, 0, 2, 0, 2),
  SPSR_EL1 = sysreg_encoding(3, 0, 4, 0, 0),
  ELR_EL1 = sysreg_encoding(3, 0, 4, 0, 1),
  SP_EL0 = sysreg_encoding(3, 0, 4, 1, 0),
  AFSR0_EL1 = sysreg_encoding(3, 0, 5, 1, 0),
  AFSR1_EL1 = sysreg_encoding(3, 0, 5, 1, 1),
  ESR_EL1 = sysreg_encoding(3, 0, 5, 2, 0),
  FAR_EL1 = sysreg_encoding(3, 0, 6, 0, 0),
  PAR_EL1 = sysreg_encoding(3, 0, 7, 4, 0),
  MAIR_EL1 = sysreg_encoding(3, 0, 10, 2, 0),
  AMAIR_EL1 = sysreg_encoding(3, 0, 10, 3, 0),
  VBAR_EL1 = sysreg_encoding(3, 0, 12, 0, 0),
  CONTEXTIDR_EL1 = sysreg_encoding(3, 0, 13, 0, 1),
  TPIDR_EL1 = sysreg_encoding(3, 0, 13, 0, 4),
  CSSELR_EL1 = sysreg_encoding(3, 2, 0, 0, 0),
  CNTKCTL_EL1 = sysreg_encoding(3, 0, 14, 1, 0),
  FPCR = sysreg_encoding(3, 3, 4, 4, 0),
  FPSR = sysreg_encoding(3, 3, 4, 4, 1),
  TPIDR_EL0 = sysreg_encoding(3, 3, 13, 0, 2),
  TPIDRRO_EL0 = sysreg_encoding(3, 3, 13, 0, 3),
  CNTFRQ_EL0 = sysreg_encoding(3, 3, 14, 0, 0),
  CNTP_CTL_EL0 = sysreg_encoding(3, 3, 14, 2, 1),
  CNTP_CVAL_EL0 = sysreg_encoding(3, 3, 14, 2, 2),
  CNTV_CTL_EL0 = sysreg_encoding(3, 3, 14, 3, 1),
  CNTV_CVAL_EL0 = sysreg_encoding(3, 3, 14, 3, 2),
  SP_EL1 = sysreg_encoding(3, 4, 4, 1, 0),

  // Sending interrupts: traps, and is emulated.
  ICC_SGI1R_EL1 = sysreg_encoding(3, 0, 12, 11, 5),
  ICC_ASGI1R_EL1 = sysreg_encoding(3, 0, 12, 11, 6),
  ICC_SGI0R_EL1 = sysreg_encoding(3, 0, 12, 11, 7),

  // The hypervisor's controls and what a trap leaves behind.
  VPIDR_EL2 = sysreg_encoding(3, 4, 0, 0, 0),
  VMPIDR_EL2 = sysreg_encoding(3, 4, 0, 0, 5),
  HCR_EL2 = sysreg_encoding(3, 4, 1, 1, 0),
  MDCR_EL2 = sysreg_encoding(3, 4, 1, 1, 1),
  CPTR_EL2 = sysreg_encoding(3, 4, 1, 1, 2),
  HSTR_EL2 = sysreg_encoding(3, 4, 1, 1, 3),
  VTTBR_EL2 = sysreg_encoding(3, 4, 2, 1, 0),
  VTCR_EL2 = sysreg_encoding(3, 4, 2, 1, 2),
  SPSR_EL2 = sysreg_encoding(3, 4, 4, 0, 0),
  ELR_EL2 = sysreg_encoding(3, 4, 4, 0, 1),
  ESR_EL2 = sysreg_encoding(3, 4, 5, 2, 0),
  FAR_EL2 = sysreg_encoding(3, 4, 6, 0, 0),
  HPFAR_EL2 = sysreg_encoding(3, 4, 6, 0, 4),
  ICC_SRE_EL1 = sysreg_encoding(3, 0, 12, 12, 5),
  ICC_SRE_EL2 = sysreg_encoding(3, 4, 12, 9, 5),
  ICH_AP0R0_EL2 = sysreg_encoding(3, 4, 12, 8, 0),
  ICH_AP1R0_EL2 = sysreg_encoding(3, 4, 12, 9, 0),
  ICH_HCR_EL2 = sysreg_encoding(3, 4, 12, 11, 0),
  ICH_VTR_EL2 = sysreg_encoding(3, 4, 12, 11, 1),
  ICH_VMCR_EL2 = sysreg_encoding(3, 4, 12, 11, 7),
  ICH_LR0_EL2 = sysreg_encoding(3, 4, 12, 12, 0),  ///< the other fifteen follow
  CNTVOFF_EL2 = sysreg_encoding(3, 4, 14, 0, 3),
  CNTHCTL_EL2 = sysreg_encoding(3, 4, 14, 1, 0),
};

/// HCR_EL2 (D24.2.53): what the guest may do and what traps to EL2.
namespace hcr {
inline constexpr std::uint64_t VM = 1ULL << 0;       ///< stage 2 on
inline constexpr std::uint64_t SWIO = 1ULL << 1;     ///< set/way invalidation also cleans
inline constexpr std::uint64_t FMO = 1ULL << 3;      ///< physical FIQ to EL2
inline constexpr std::uint64_t IMO = 1ULL << 4;      ///< physical IRQ to EL2
inline constexpr std::uint64_t AMO = 1ULL << 5;      ///< SError to EL2
inline constexpr std::uint64_t VF = 1ULL << 6;       ///< a virtual FIQ is pending
inline constexpr std::uint64_t VI = 1ULL << 7;       ///< a virtual IRQ is pending
inline constexpr std::uint64_t VSE = 1ULL << 8;      ///< a virtual SError is pending
inline constexpr std::uint64_t FB = 1ULL << 9;       ///< broadcast local TLB maintenance
inline constexpr std::uint64_t BSU_IS = 1ULL << 10;  ///< barriers reach the inner domain at least
inline constexpr std::uint64_t TWI = 1ULL << 13;     ///< trap WFI
inline constexpr std::uint64_t TWE = 1ULL << 14;     ///< trap WFE
inline constexpr std::uint64_t TID3 = 1ULL << 18;    ///< trap reads of feature registers
inline constexpr std::uint64_t TSC = 1ULL << 19;     ///< trap SMC
inline constexpr std::uint64_t TIDCP = 1ULL << 20;   ///< trap implementation-defined registers
inline constexpr std::uint64_t TACR = 1ULL << 21;    ///< trap ACTLR_EL1
inline constexpr std::uint64_t TSW = 1ULL << 22;     ///< trap set/way cache maintenance
inline constexpr std::uint64_t RW = 1ULL << 31;      ///< EL1 is AArch64
}  // namespace hcr

/// ICH_HCR_EL2 (IHI 0069, 12.4.5): the guest's CPU interface, and EL1's accesses to it.
namespace ich {
inline constexpr std::uint64_t En = 1ULL << 0;       ///< the interface works
inline constexpr std::uint64_t UIE = 1ULL << 1;      ///< maintenance when one interrupt is left
inline constexpr std::uint64_t LRENPIE = 1ULL << 2;  ///< maintenance when EOIcount is not 0
inline constexpr std::uint64_t TC = 1ULL << 10;      ///< trap those that serve both groups
inline constexpr std::uint64_t TALL0 = 1ULL << 11;   ///< trap those of group 0
inline constexpr std::uint64_t TALL1 = 1ULL << 12;   ///< trap those of group 1
/// The guest has no interface: every access traps.
inline constexpr std::uint64_t kNoInterface = TC | TALL0 | TALL1;
/// EOIcount: interrupts that the guest has ended and no list register held.
[[nodiscard]] constexpr unsigned ended_unlisted(std::uint64_t control) noexcept {
  return static_cast<unsigned>(control >> 27) & 0x1f;
}
}  // namespace ich

/// ICC_SRE_EL2 (12.2.24): SRE, DFB and DIB, that is system registers and not memory; with Enable,
/// EL1's accesses to ICC_SRE_EL1 do not trap. ICC_SRE_EL1 (12.2.23): the same for EL1; without SRE,
/// guests have GICV_* in memory instead, where the hardware has that.
namespace icc_sre {
inline constexpr std::uint64_t SRE = 1ULL << 0;
inline constexpr std::uint64_t kEl1Registers = 0x7;
inline constexpr std::uint64_t kEl1Memory = 0x6;
inline constexpr std::uint64_t kGuestHasNone = 0x7;
inline constexpr std::uint64_t kGuestHasRegisters = 0xf;
}  // namespace icc_sre

}  // namespace axvm::aarch64
