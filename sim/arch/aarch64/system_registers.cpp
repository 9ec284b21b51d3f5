// MRS, MSR and TLBI as the guest executes them: what the engine does natively, and what this
// machine answers itself.

#include <sim/arch/aarch64/fixed_registers.hpp>
#include <sim/arch/aarch64/guest_core.hpp>
#include <sim/arch/aarch64/syndrome.hpp>
#include <sim/arch/aarch64/traps.hpp>
#include <utility>

namespace axvm::sim::aarch64 {
namespace {

SysReg name_of(const uc_arm64_cp_reg& cp) { return {cp.op0, cp.op1, cp.crn, cp.crm, cp.op2}; }

/// CCSIDR_EL1 by CSSELR_EL1: L1 data, L1 instruction, L2.
std::uint64_t cache_size(std::uint64_t selection) {
  switch (selection & 0xf) {
    case 0: return 0x701f'e00a;
    case 1: return 0x201f'e012;
    case 2: return 0x707f'e07a;
    default: return 0;
  }
}

}  // namespace

bool GuestCore::on_mrs(const uc_arm64_cp_reg& cp, uc_arm64_reg target) {
  const auto value = answer(name_of(cp), current_el());
  if (!value) return false;
  engine_.set_reg(target, *value);
  return true;
}

std::optional<std::uint64_t> GuestCore::answer(SysReg r, unsigned el) {
  // What is answered here at EL0, the engine must not have to refuse.
  if (is_timer(r)) {
    if (el == 0 && !timer_open_to_el0(r)) return std::nullopt;
    return timers_.read(r, exact_time(), el2_.cntvoff);
  }
  if (r == reg::DCZID_EL0) {
    constexpr std::uint64_t kBlockSize = 4;  // log2 of the words
    constexpr std::uint64_t kProhibited = 1U << 4;
    constexpr std::uint64_t kDze = 1ULL << 14;
    const bool el1_refuses = el == 0 && (mmu_.registers().sctlr_el1 & kDze) == 0;
    return kBlockSize | (el1_refuses || (el2_.hcr & hcr::TDZ) != 0 ? kProhibited : 0);
  }
  if (el == 0) return std::nullopt;
  if (r == reg::MIDR_EL1) return el2_.vpidr;
  if (r == reg::MPIDR_EL1) return el2_.vmpidr;
  if (r == reg::ISR_EL1) return isr();
  if (r == reg::PMCCNTR_EL0) return retirement_.total_at(engine_.pc());
  if (r == reg::CCSIDR_EL1) return cache_size(engine_.system(reg::CSSELR_EL1));
  return fixed_register(r);
}

bool GuestCore::traps_from(unsigned el, std::uint32_t instruction) const {
  if (!traps_by_controls(instruction)) return false;
  if (el == 1) return true;
  // At EL0 these trap to EL2 when EL1 lets them through; other accesses are EL1's business.
  constexpr std::uint64_t kDze = 1ULL << 14;
  constexpr std::uint64_t kUct = 1ULL << 15;
  constexpr std::uint64_t kUci = 1ULL << 26;
  const std::uint64_t sctlr = mmu_.registers().sctlr_el1;
  if (instruction == instruction::kWfe || is_fp(instruction)) return true;
  const SysReg r = register_of(instruction);
  if (r == reg::CTR_EL0) return (sctlr & kUct) != 0;
  if (is_cache_maintenance_by_va(r) && r.op1() == 3) return (sctlr & kUci) != 0;
  if (r == SysReg(1, 3, 7, 4, 1)) return (sctlr & kDze) != 0;  // DC ZVA
  return is_timer(r) && timer_open_to_el0(r);
}

bool GuestCore::timer_open_to_el0(SysReg r) const {
  // CNTKCTL_EL1: EL0PCTEN 0, EL0VCTEN 1, EL0VTEN 8, EL0PTEN 9.
  const std::uint64_t control = engine_.system(reg::CNTKCTL_EL1);
  const bool is_virtual = r.crm() == 3 || (r.crm() == 0 && r.op2() == 2);
  const unsigned bit = r.crm() == 0 ? (is_virtual ? 1U : 0U) : (is_virtual ? 8U : 9U);
  return ((control >> bit) & 1) != 0;
}

bool GuestCore::on_msr(const uc_arm64_cp_reg& cp) {
  const SysReg r = name_of(cp);
  const unsigned el = current_el();
  // Nothing here counts or breaks; only the OS lock keeps what is written to it.
  if (ignores_writes(r)) return el == 1;
  if (r == reg::SPSR_EL1 && el == 1) {
    engine_.set_system(r, without_aarch32(cp.val));
    return true;
  }
  if (is_timer(r)) {
    if (el == 0 && !timer_open_to_el0(r)) return false;
    const std::uint64_t now = exact_time();
    if (!timers_.write(r, cp.val, now, el2_.cntvoff)) return false;
    refresh_interrupts(now);
    schedule_attention();
    return true;
  }
  if (r == reg::SP_EL0) note_stack(cp.val);
  if (r == reg::SPSEL) note_use_of_sp_el0();
  if (el == 1 && r == reg::CPACR_EL1) control_fp(engine_.system(r), cp.val);
  if (el == 1 && is_translation_register(r)) {
    mirror_translation_register(r, cp.val);
    refresh_timing();
  }
  return false;
}

void GuestCore::mirror_translation_register(SysReg r, std::uint64_t value) {
  Registers& t = mmu_.registers();
  if (r == reg::SCTLR_EL1) control_alignment(std::exchange(t.sctlr_el1, value), value);
  if (r == reg::TTBR0_EL1) t.ttbr0_el1 = value;
  if (r == reg::TTBR1_EL1) t.ttbr1_el1 = value;
  if (r == reg::TCR_EL1) t.tcr_el1 = value;
  if (r == reg::MAIR_EL1) t.mair_el1 = value;
  instruction_page_.va = InstructionPage::kNone;
}

bool GuestCore::on_sys(const uc_arm64_cp_reg& cp) {
  const SysReg op = name_of(cp);
  if (current_el() == 0) return false;
  // IC IALLU is taken for all CPUs, too: EL2 asks for that (HCR_EL2.FB) where it matters.
  if (op == reg::IC_IALLUIS || op == reg::IC_IALLU) {
    machine_.fetch_coherence().all_invalidated();
    return false;
  }
  if (is_tlbi(op)) return on_tlbi(op, cp.val);
  if (!is_address_translation(op)) return false;
  const auto par = mmu_.at_s1(cp.val, op.op2() < 2 ? 1 : 0, (op.op2() & 1) != 0);
  if (par) {
    engine_.set_system(reg::PAR_EL1, *par);
  } else {
    refuse_system_instruction(par.error(), cp.val, engine_.pc());
  }
  return true;
}

void GuestCore::refuse_system_instruction(const Fault& fault, std::uint64_t va, std::uint64_t pc) {
  retirement_.stop_at(pc);
  refusal_ = Refusal{Refusal::Kind::Fault, fault, Access::Read, va, current_el()};
  request(Stop::Refused);
}

bool GuestCore::on_tlbi(SysReg op, std::uint64_t operand) {
  const bool everywhere = op.crm() == 3 || (el2_.hcr & hcr::FB) != 0;
  const std::uint16_t vmid = mmu_.vmid();
  const auto asid = static_cast<std::uint16_t>(operand >> 48);
  // Bits 43:0 of the operand are VA[55:12].
  const std::uint64_t va =
      static_cast<std::uint64_t>(static_cast<std::int64_t>(operand << 20) >> 8);
  const bool by_address = op.op2() != 0 && op.op2() != 2;
  bool done = true;
  const auto apply = [&](GuestCore& core) {
    const Tlb& tlb = core.mmu_.tlb();
    const std::uint64_t before = tlb.removals().count;
    switch (op.op2()) {
      case 0: core.mmu_.tlbi_vmalle1(vmid); break;
      case 1: core.mmu_.tlbi_vae1(vmid, asid, va); break;
      case 2: core.mmu_.tlbi_aside1(vmid, asid); break;
      case 3: core.mmu_.tlbi_vaae1(vmid, va); break;
      case 5: core.mmu_.tlbi_vale1(vmid, asid, va); break;
      case 7: core.mmu_.tlbi_vaale1(vmid, va); break;
      default: return;
    }
    const std::uint64_t removed = tlb.removals().count - before;
    if (removed == 0) return;  // of what was not in the TLB, the engine knows nothing
    // One page of its own the engine forgets by executing the instruction.
    const bool page = by_address && removed == 1 && tlb.removals().last_size == 0;
    if (!page || &core != this) return core.forget_translations();
    instruction_page_.va = InstructionPage::kNone;
    done = false;
  };
  if (everywhere) {
    machine_.for_each_core(apply);
  } else {
    apply(*this);
  }
  return done;
}

void GuestCore::on_undefined(std::uint32_t word, std::uint64_t pc) {
  const unsigned el = current_el();
  const bool fp = is_fp(word) && fp_traps_to_el1(engine_.system(reg::CPACR_EL1), el);
  if (el == 1 && !fp && traps_to_el2(el2_, word)) return trap_instruction(word, pc);
  if (el == 1 && access_interrupt_controller(word, pc)) return;
  std::uint64_t esr = unknown_syndrome();
  if (fp) {
    esr = fp_trap_syndrome();
  } else if (el == 0) {
    // MSR DAIFSet and DAIFClr have op0 0 (C5.1.3).
    const bool daif = (word & 0xfffff0df) == 0xd50340df;
    const SysReg r = register_of(word);
    if (word == instruction::kWfi || word == instruction::kWfe) {
      esr = wfx_syndrome(word == instruction::kWfe);
    } else if (daif || (is_system_access(word) && is_configurable_at_el0(r))) {
      esr = system_register_syndrome(r, word & 31, is_read(word) && !daif);
    }
  }
  take_synchronous_to_el1(esr, pc);
}

bool GuestCore::access_interrupt_controller(std::uint32_t word, std::uint64_t pc) {
  // Without HCR_EL2.IMO and FMO, EL1 would have the physical interface, which is EL2's here.
  constexpr unsigned kZeroRegister = 31;
  const SysReg r = register_of(word);
  if (!is_system_access(word)) return false;
  const unsigned rt = word & 31;
  if (!el2_.gic.has_system_registers() && VirtualCpuInterface::has(r, is_read(word))) {
    take_synchronous_to_el1(system_register_syndrome(r, rt, is_read(word)), pc);
    return true;
  }
  if ((el2_.hcr & (hcr::IMO | hcr::FMO)) == 0) return false;
  if (is_read(word)) {
    const auto value = el2_.gic.read(r);
    if (!value) return false;
    if (rt != kZeroRegister) engine_.set_x(rt, *value);
  } else {
    const auto written = el2_.gic.write(r, rt == kZeroRegister ? 0 : engine_.x(rt));
    if (!written.taken) return false;
    if (written.deactivated) interrupts_.end(*written.deactivated);
  }
  ++statistics_.interface_accesses;
  go_on_behind(pc);
  refresh_interrupts(time());
  schedule_attention();
  return true;
}

void GuestCore::go_on_behind(std::uint64_t pc) {
  const std::uint64_t next = pc + Retirement::kInstructionBytes;
  retirement_.begin_block(pc, 1);
  retirement_.close();
  if (engine_.pc() != next) engine_.set_pc(next);
}

void GuestCore::record_trap_of(std::uint32_t word, std::uint64_t pc) {
  retirement_.stop_at(pc);
  std::uint64_t esr = 0;
  if (word == instruction::kWfe || word == instruction::kWfi) {
    esr = wfx_syndrome(word == instruction::kWfe);
  } else if (is_fp(word)) {
    esr = fp_trap_syndrome();
  } else {
    esr = system_register_syndrome(register_of(word), word & 31, is_read(word));
  }
  record_trap(esr, pc);
}

}  // namespace axvm::sim::aarch64
