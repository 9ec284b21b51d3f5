#include <sim/arch/aarch64/syndrome.hpp>

namespace axvm::sim::aarch64 {

namespace {

constexpr std::uint64_t kInstructionLength = std::uint64_t{1} << 25;  // IL: 32-bit instruction

constexpr std::uint64_t syndrome(ExceptionClass ec, std::uint64_t iss) noexcept {
  return (static_cast<std::uint64_t>(ec) << 26) | kInstructionLength | iss;
}

constexpr std::uint64_t at(bool value, unsigned position) noexcept {
  return std::uint64_t{value} << position;
}

/// ISV, SAS, SSE, SRT, SF, AR: bits 24:14 of the ISS.
constexpr std::uint64_t instruction_fields(const MemoryInstruction& i) noexcept {
  return at(true, 24) | (std::uint64_t{i.access_size} << 22) | at(i.sign_extend, 21) |
         (std::uint64_t{i.register_number} << 16) | at(i.sixty_four, 15) |
         at(i.acquire_release, 14);
}

/// Exceptions from EL0 are of a lower level for both targets, those from EL1 for EL2 only.
constexpr bool from_lower(Target target, unsigned from_el) noexcept {
  return from_el < static_cast<unsigned>(target);
}

}  // namespace

std::uint64_t data_abort_syndrome(const Fault& fault, Target target, unsigned from_el, bool write,
                                  const MemoryInstruction* instruction, bool far_valid) noexcept {
  const bool maintenance = instruction != nullptr && instruction->is_cache_maintenance;
  const bool described = instruction != nullptr && instruction->syndrome_valid &&
                         target == Target::El2 && fault.stage == 2 && !fault.during_stage1_walk;
  const std::uint64_t iss =
      (described ? instruction_fields(*instruction) : 0) | at(!far_valid, 10) | at(maintenance, 8) |
      at(fault.during_stage1_walk, 7) | at(write || maintenance, 6) | fault.status_code();
  return syndrome(
      from_lower(target, from_el) ? ExceptionClass::DataAbortLower : ExceptionClass::DataAbortSame,
      iss);
}

std::uint64_t instruction_abort_syndrome(const Fault& fault, Target target,
                                         unsigned from_el) noexcept {
  return syndrome(from_lower(target, from_el) ? ExceptionClass::InstructionAbortLower
                                              : ExceptionClass::InstructionAbortSame,
                  at(fault.during_stage1_walk, 7) | fault.status_code());
}

std::uint64_t svc_syndrome(std::uint16_t immediate) noexcept {
  return syndrome(ExceptionClass::Svc64, immediate);
}
std::uint64_t hvc_syndrome(std::uint16_t immediate) noexcept {
  return syndrome(ExceptionClass::Hvc64, immediate);
}
std::uint64_t smc_syndrome(std::uint16_t immediate) noexcept {
  return syndrome(ExceptionClass::Smc64, immediate);
}
std::uint64_t brk_syndrome(std::uint16_t comment) noexcept {
  return syndrome(ExceptionClass::Brk64, comment);
}

std::uint64_t system_register_syndrome(SysReg reg, unsigned rt, bool read) noexcept {
  return syndrome(ExceptionClass::SystemRegister,
                  (std::uint64_t{reg.op0()} << 20) | (std::uint64_t{reg.op2()} << 17) |
                      (std::uint64_t{reg.op1()} << 14) | (std::uint64_t{reg.crn()} << 10) |
                      (std::uint64_t{rt & 31U} << 5) | (std::uint64_t{reg.crm()} << 1) |
                      at(read, 0));
}

namespace {

/// CV = 1, COND = 0b1110 ("always"): what A64 instructions report.
constexpr std::uint64_t kUnconditional = (std::uint64_t{1} << 24) | (std::uint64_t{0b1110} << 20);

}  // namespace

std::uint64_t wfx_syndrome(bool wfe) noexcept {
  return syndrome(ExceptionClass::WfxTrap, kUnconditional | at(wfe, 0));
}
std::uint64_t fp_trap_syndrome() noexcept {
  return syndrome(ExceptionClass::FpTrap, kUnconditional);
}
std::uint64_t unknown_syndrome() noexcept { return syndrome(ExceptionClass::Unknown, 0); }
std::uint64_t illegal_state_syndrome() noexcept {
  return syndrome(ExceptionClass::IllegalState, 0);
}
std::uint64_t serror_syndrome() noexcept { return syndrome(ExceptionClass::SError, 0); }
std::uint64_t pc_alignment_syndrome() noexcept { return syndrome(ExceptionClass::PcAlignment, 0); }
std::uint64_t sp_alignment_syndrome() noexcept { return syndrome(ExceptionClass::SpAlignment, 0); }

bool hpfar_valid(const Fault& fault) noexcept {
  switch (fault.kind) {
    case FaultKind::Translation:
    case FaultKind::AccessFlag:
    case FaultKind::AddressSize: return fault.stage == 2;
    case FaultKind::Permission: return fault.stage == 2 && fault.during_stage1_walk;
    default: return false;
  }
}

}  // namespace axvm::sim::aarch64
