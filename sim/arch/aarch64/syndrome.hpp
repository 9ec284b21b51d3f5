#pragma once
// ESR_ELx, HPFAR_EL2 and PAR_EL1 as the hardware sets them (DDI 0487 D24.2.40, D24.2.63,
// D24.2.134).

#include <cstdint>
#include <sim/arch/aarch64/decode.hpp>
#include <sim/arch/aarch64/sysreg.hpp>
#include <sim/arch/aarch64/translation.hpp>

namespace axvm::sim::aarch64 {

/// Exception classes, ESR_ELx bits 31:26.
enum class ExceptionClass : std::uint8_t {
  Unknown = 0x00,
  WfxTrap = 0x01,
  FpTrap = 0x07,
  IllegalState = 0x0e,
  Svc64 = 0x15,
  Hvc64 = 0x16,
  Smc64 = 0x17,
  SystemRegister = 0x18,
  InstructionAbortLower = 0x20,
  InstructionAbortSame = 0x21,
  PcAlignment = 0x22,
  DataAbortLower = 0x24,
  DataAbortSame = 0x25,
  SpAlignment = 0x26,
  SError = 0x2f,
  BreakpointLower = 0x30,
  SoftwareStepLower = 0x32,
  Brk64 = 0x3c,
};

/// The exception level an exception is taken to.
enum class Target : std::uint8_t { El1 = 1, El2 = 2 };

/// A data abort taken from `from_el` (0 or 1) to `target`. `instruction` is the aborting one, null
/// when it is not known; ISV is set only for stage-2 aborts that reach EL2 and are not of a stage-1
/// walk. `write` is what the access was when it faulted: an atomic that could not even read is a
/// read. `far_valid` false sets FnV (external aborts only).
[[nodiscard]] std::uint64_t data_abort_syndrome(const Fault& fault, Target target, unsigned from_el,
                                                bool write, const MemoryInstruction* instruction,
                                                bool far_valid = true) noexcept;

/// An instruction abort taken from `from_el` (0 or 1) to `target`.
[[nodiscard]] std::uint64_t instruction_abort_syndrome(const Fault& fault, Target target,
                                                       unsigned from_el) noexcept;

[[nodiscard]] std::uint64_t svc_syndrome(std::uint16_t immediate) noexcept;
[[nodiscard]] std::uint64_t hvc_syndrome(std::uint16_t immediate) noexcept;
[[nodiscard]] std::uint64_t smc_syndrome(std::uint16_t immediate) noexcept;
[[nodiscard]] std::uint64_t brk_syndrome(std::uint16_t comment) noexcept;

/// MSR, MRS or SYS of `reg` with transfer register `rt`; `read` for MRS.
[[nodiscard]] std::uint64_t system_register_syndrome(SysReg reg, unsigned rt, bool read) noexcept;

/// WFI (`wfe` false) or WFE. A64 has no condition: CV is 1, COND 0b1110.
[[nodiscard]] std::uint64_t wfx_syndrome(bool wfe) noexcept;

/// SVE, SIMD and floating point switched off by CPACR_EL1.FPEN or CPTR_EL2.TFP.
[[nodiscard]] std::uint64_t fp_trap_syndrome() noexcept;
/// Undefined instruction.
[[nodiscard]] std::uint64_t unknown_syndrome() noexcept;
[[nodiscard]] std::uint64_t illegal_state_syndrome() noexcept;
/// A virtual SError: nothing is known of its cause.
[[nodiscard]] std::uint64_t serror_syndrome() noexcept;
[[nodiscard]] std::uint64_t pc_alignment_syndrome() noexcept;
[[nodiscard]] std::uint64_t sp_alignment_syndrome() noexcept;

/// HPFAR_EL2 for a stage-2 fault: FIPA holds the address' bits 51:12 in bits 43:4.
[[nodiscard]] constexpr std::uint64_t hpfar(std::uint64_t ipa) noexcept {
  return (ipa & 0x000f'ffff'ffff'f000) >> 8;
}
/// Whether the hardware writes HPFAR_EL2: translation, access flag and address size faults of stage
/// 2, and every stage-2 fault of a stage-1 walk. It is UNKNOWN after other permission faults
/// (software asks AT S12E1R or AT S1E1R).
[[nodiscard]] bool hpfar_valid(const Fault& fault) noexcept;

}  // namespace axvm::sim::aarch64
