// MRS, MSR and system instructions as the guest executes them: what the engine does natively, what
// this machine answers itself, and what traps to EL2 (DDI 0487 D1.3.5, D24.2.53 HCR_EL2).

#include <array>
#include <bit>
#include <cstring>
#include <sim/arch/aarch64/guest_core.hpp>
#include <sim/arch/aarch64/syndrome.hpp>

namespace axvm::sim::aarch64 {
namespace {

SysReg name_of(const uc_arm64_cp_reg& cp) { return {cp.op0, cp.op1, cp.crn, cp.crm, cp.op2}; }

/// MRS, MSR (register), SYS or SYSL: op0 is not 0 (C4.1.93).
bool is_system_access(std::uint32_t instruction) {
  return (instruction & 0xffc00000) == 0xd5000000 && (instruction & (3U << 19)) != 0;
}
bool is_read(std::uint32_t instruction) { return (instruction & (1U << 21)) != 0; }
SysReg register_of(std::uint32_t instruction) {
  return SysReg(static_cast<std::uint16_t>(instruction >> 5));
}

/// The registers that HCR_EL2.TVM and TRVM trap.
bool is_virtual_memory_control(SysReg r) {
  return is_translation_register(r) || r == reg::AFSR0_EL1 || r == reg::AFSR1_EL1 ||
         r == reg::ESR_EL1 || r == reg::FAR_EL1 || r == reg::AMAIR_EL1 || r == reg::CONTEXTIDR_EL1;
}
/// IMPLEMENTATION DEFINED registers and instructions: CRn 11 and 15.
bool is_implementation_defined(SysReg r) {
  return (r.op0() == 3 || r.op0() == 1) && (r.crn() == 11 || r.crn() == 15);
}
/// TLBI of EL1.
bool is_tlbi(SysReg r) { return r.op0() == 1 && r.op1() == 0 && r.crn() == 8; }
/// IC IALLUIS, IALLU, IVAU.
bool is_instruction_cache_operation(SysReg r) {
  return r == reg::IC_IALLUIS || r == reg::IC_IALLU || r == reg::IC_IVAU;
}
/// DC ISW, CSW, CISW.
bool is_set_way(SysReg r) {
  return r.op0() == 1 && r.op1() == 0 && r.crn() == 7 && r.op2() == 2 &&
         (r.crm() == 6 || r.crm() == 10 || r.crm() == 14);
}
/// Breakpoints and watchpoints: the engine must never arm any.
bool is_debug_register(SysReg r) { return r.op0() == 2; }
/// Performance monitors: PMCR_EL0 and its neighbours, and the event counters.
bool is_performance_monitor(SysReg r) {
  return r.op0() == 3 && ((r.crn() == 9 && r.crm() >= 12 && r.crm() <= 14) ||
                          (r.op1() == 3 && r.crn() == 14 && r.crm() >= 8));
}
/// The counters and timers of EL0, without CNTFRQ_EL0.
bool is_timer(SysReg r) {
  return r.op0() == 3 && r.op1() == 3 && r.crn() == 14 &&
         (r.crm() == 2 || r.crm() == 3 || (r.crm() == 0 && r.op2() != 0));
}

/// The interrupt controller's CPU interface, ICH_HCR_EL2 (IHI 0069, 12.4.5).
bool traps_by_ich(std::uint64_t control, SysReg r) {
  if (r.op0() != 3 || r.op1() != 0) return false;
  const auto any = [control](std::uint64_t bits) { return (control & bits) != 0; };
  if (r.crn() == 4) return r.crm() == 6 && r.op2() == 0 && any(ich::TC);  // ICC_PMR_EL1
  if (r.crn() != 12) return false;
  switch (r.crm()) {
    case 8:  // ICC_IAR0_EL1, EOIR0, HPPIR0, BPR0, AP0R<n>
      return any(ich::TALL0);
    case 9: return r.op2() <= 3 && any(ich::TALL1);  // ICC_AP1R<n>_EL1
    case 11:
      if (r == reg::ICC_DIR_EL1) return any(ich::TC | ich::TDIR);
      // ICC_RPR_EL1, SGI1R, ASGI1R, SGI0R
      return (r.op2() == 3 || r.op2() >= 5) && any(ich::TC);
    case 12:
      switch (r.op2()) {
        case 4: return any(ich::TC);      // ICC_CTLR_EL1
        case 5: return false;             // ICC_SRE_EL1
        case 6: return any(ich::TALL0);   // ICC_IGRPEN0_EL1
        default: return any(ich::TALL1);  // ICC_IAR1_EL1, EOIR1, HPPIR1, BPR1, IGRPEN1
      }
    default: return false;
  }
}

/// What EL1 may open to EL0 (D1.3.5.1): CTR_EL0, DAIF, cache maintenance by VA, timers and
/// performance monitors. When it has not, EL0 traps to EL1 with a syndrome of its own.
bool is_configurable_at_el0(SysReg r) {
  return is_timer(r) || is_performance_monitor(r) || r == reg::CTR_EL0 || r == reg::DAIF ||
         (r.op0() == 1 && r.op1() == 3 && r.crn() == 7);
}
/// MDCR_EL2 (D24.3.17): which debug registers and performance monitors trap.
bool traps_by_mdcr(std::uint64_t mdcr, SysReg r) {
  constexpr std::uint64_t kTpmcr = 1ULL << 5;
  constexpr std::uint64_t kTpm = 1ULL << 6;
  constexpr std::uint64_t kTda = 1ULL << 9;
  constexpr std::uint64_t kTdosa = 1ULL << 10;
  constexpr std::uint64_t kTdra = 1ULL << 11;
  if (is_performance_monitor(r)) {
    const bool control = r == reg::PMCR_EL0;
    return (mdcr & kTpm) != 0 || (control && (mdcr & kTpmcr) != 0);
  }
  if (!is_debug_register(r)) return false;
  if (r == reg::MDRAR_EL1) return (mdcr & kTdra) != 0;            // MDRAR_EL1
  if (r.crn() == 1 && r.op2() == 4) return (mdcr & kTdosa) != 0;  // OSLAR_EL1 …
  return (mdcr & kTda) != 0;
}

/// CNTHCTL_EL2 (D24.10.2): EL1PCTEN clear traps the physical counter, EL1PCEN clear its timer.
bool traps_by_cnthctl(std::uint64_t cnthctl, SysReg r) {
  if (!is_timer(r)) return false;
  if (r.crm() == 0) return (r.op2() == 1 || r.op2() == 5) && (cnthctl & 1) == 0;
  return r.crm() == 2 && (cnthctl & 2) == 0;
}

}  // namespace

bool GuestCore::traps_read(SysReg r) const noexcept {
  const std::uint64_t h = el2_.hcr;
  const bool identification = r.op0() == 3 && r.op1() == 0 && r.crn() == 0;
  if ((h & hcr::TID3) != 0 && identification && r.crm() >= 1 && r.crm() <= 7) return true;
  if ((h & hcr::TID1) != 0 && (r == reg::REVIDR_EL1 || r == reg::AIDR_EL1)) {
    return true;
  }
  if ((h & hcr::TID2) != 0 &&
      (r == reg::CTR_EL0 || r == reg::CCSIDR_EL1 || r == reg::CLIDR_EL1 || r == reg::CSSELR_EL1)) {
    return true;
  }
  if ((h & hcr::TACR) != 0 && r == reg::ACTLR_EL1) return true;
  if ((h & hcr::TIDCP) != 0 && is_implementation_defined(r)) return true;
  return (h & hcr::TRVM) != 0 && is_virtual_memory_control(r);
}

bool GuestCore::traps_write(SysReg r) const noexcept {
  const std::uint64_t h = el2_.hcr;
  if ((h & hcr::TID2) != 0 && r == reg::CSSELR_EL1) return true;
  if ((h & hcr::TACR) != 0 && r == reg::ACTLR_EL1) return true;
  if ((h & hcr::TIDCP) != 0 && is_implementation_defined(r)) return true;
  if ((h & hcr::TSW) != 0 && is_set_way(r)) return true;
  if ((h & hcr::TTLB) != 0 && is_tlbi(r)) return true;
  return (h & hcr::TVM) != 0 && is_virtual_memory_control(r);
}

bool GuestCore::traps(std::uint32_t instruction) const noexcept {
  if (instruction == kWfe) return (el2_.hcr & hcr::TWE) != 0;
  if (!is_system_access(instruction)) return false;
  const SysReg r = register_of(instruction);
  if (traps_by_mdcr(el2_.mdcr, r) || traps_by_cnthctl(el2_.cnthctl, r) ||
      traps_by_ich(el2_.ich_hcr, r)) {
    return true;
  }
  return is_read(instruction) ? traps_read(r) : traps_write(r);
}

void GuestCore::trap_instruction(std::uint32_t instruction, std::uint64_t pc) {
  retirement_.stop_at(pc);
  record_trap(instruction == kWfe
                  ? wfx_syndrome(true)
                  : system_register_syndrome(register_of(instruction), instruction & 31,
                                             is_read(instruction)),
              pc);
  // Behind it the engine leaves the block, as after any change of its PC.
  const std::uint64_t next = pc + Retirement::kInstructionBytes;
  if (leave_by_trap(next)) engine_.set_pc(next);
}

bool GuestCore::on_mrs(const uc_arm64_cp_reg& cp, uc_arm64_reg target) {
  const SysReg r = name_of(cp);
  const bool timer = is_timer(r);
  if (!timer && r != reg::MIDR_EL1 && r != reg::MPIDR_EL1 && r != reg::ID_AA64PFR0_EL1 &&
      r != reg::ID_AA64MMFR0_EL1 && r != reg::PMCCNTR_EL0 && r != reg::ISR_EL1) {
    return false;
  }
  // The engine's own access checks answer EL0, and undefined registers.
  const unsigned el = current_el();
  std::uint64_t value = 0;
  if (timer) {
    if (el == 0 && !timer_open_to_el0(r)) return false;
    const auto v = timers_.read(r, exact_time(), el2_.cntvoff);
    if (!v) return false;
    value = *v;
  } else if (el == 0) {
    return false;
  } else if (r == reg::PMCCNTR_EL0) {
    value = retirement_.total_at(engine_.pc());
  } else if (r == reg::ISR_EL1) {
    value = isr();
  } else if (r == reg::MIDR_EL1) {
    value = el2_.vpidr;
  } else if (r == reg::MPIDR_EL1) {
    value = el2_.vmpidr;
  } else {
    value = feature(r);
  }
  engine_.set_reg(target, value);
  return true;
}

std::uint64_t GuestCore::feature(SysReg r) const {
  const std::uint64_t engine = engine_.system(r);
  // No EL3, AArch64 only at every level, and the system registers of an interrupt controller.
  if (r == reg::ID_AA64PFR0_EL1) return (engine & ~0xf00ffffULL) | 0x1000111;
  // The MMU has the 4 KiB granule only: TGran64 0b1111, TGran16 0b0000.
  if (r == reg::ID_AA64MMFR0_EL1) return (engine & ~(0xffULL << 20)) | (0xfULL << 24);
  return engine;
}

bool GuestCore::traps_from(unsigned el, std::uint32_t instruction) const {
  if (!traps(instruction)) return false;
  if (el == 1) return true;
  // At EL0 these trap to EL2 when EL1 lets them through; other accesses are EL1's business.
  constexpr std::uint64_t kUct = 1ULL << 15;
  constexpr std::uint64_t kNtwe = 1ULL << 18;
  const std::uint64_t sctlr = mmu_.registers().sctlr_el1;
  if (instruction == kWfe) return (sctlr & kNtwe) != 0;
  const SysReg r = register_of(instruction);
  if (r == reg::CTR_EL0) return (sctlr & kUct) != 0;
  return is_timer(r) && timer_open_to_el0(r);
}

bool GuestCore::timer_open_to_el0(SysReg r) const {
  // CNTKCTL_EL1: EL0PCTEN 0, EL0VCTEN 1, EL0VTEN 8, EL0PTEN 9.
  const std::uint64_t control = engine_.system(reg::CNTKCTL_EL1);
  const bool is_virtual = r.crm() == 3 || r.op2() == 2 || r.op2() == 6;
  const unsigned bit = r.crm() == 0 ? (is_virtual ? 1U : 0U) : (is_virtual ? 8U : 9U);
  return ((control >> bit) & 1) != 0;
}

bool GuestCore::on_msr(const uc_arm64_cp_reg& cp) {
  const SysReg r = name_of(cp);
  const unsigned el = current_el();
  // Nothing here counts or breaks; only the OS lock keeps what is written to it.
  if (is_performance_monitor(r)) return el == 1;
  if (is_debug_register(r)) return el == 1 && r != reg::OSLAR_EL1;
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
  if (el == 1 && is_translation_register(r)) mirror_translation_register(r, cp.val);
  return false;
}

void GuestCore::mirror_translation_register(SysReg r, std::uint64_t value) {
  Registers& t = mmu_.registers();
  if (r == reg::SCTLR_EL1) t.sctlr_el1 = value;
  if (r == reg::TTBR0_EL1) t.ttbr0_el1 = value;
  if (r == reg::TTBR1_EL1) t.ttbr1_el1 = value;
  if (r == reg::TCR_EL1) t.tcr_el1 = value;
  if (r == reg::MAIR_EL1) t.mair_el1 = value;
  instruction_page_.va = InstructionPage::kNone;
}

bool GuestCore::on_sys(const uc_arm64_cp_reg& cp) {
  const SysReg op = name_of(cp);
  if (is_instruction_cache_operation(op)) {
    on_instruction_cache(op, cp.val);
    return false;
  }
  if (current_el() == 0) return false;  // only cache maintenance by VA, which the engine checks
  if (is_tlbi(op)) {
    on_tlbi(op, cp.val);
    return true;
  }
  if (op.crn() != 7) return false;
  if (op.op1() == 0 && op.crm() == 8 && op.op2() <= 3) {  // AT S1E1R, S1E1W, S1E0R, S1E0W
    const auto par = mmu_.at_s1(cp.val, op.op2() < 2 ? 1 : 0, (op.op2() & 1) != 0);
    if (par) {
      engine_.set_system(reg::PAR_EL1, *par);
    } else {
      retirement_.stop_at(engine_.pc());
      refusal_ = Refusal{Refusal::Kind::Fault, par.error(), Access::Read, cp.val, 1};
      request(Stop::Refused);
    }
    return true;
  }
  return false;
}

void GuestCore::on_tlbi(SysReg op, std::uint64_t operand) {
  const bool everywhere = op.crm() == 3 || (el2_.hcr & hcr::FB) != 0;
  const std::uint16_t vmid = mmu_.vmid();
  const auto asid = static_cast<std::uint16_t>(operand >> 48);
  // Bits 43:0 of the operand are VA[55:12].
  const std::uint64_t va =
      static_cast<std::uint64_t>(static_cast<std::int64_t>(operand << 20) >> 8);
  const auto apply = [&](GuestCore& core) {
    switch (op.op2()) {
      case 0: core.mmu_.tlbi_vmalle1(vmid); break;
      case 1: core.mmu_.tlbi_vae1(vmid, asid, va); break;
      case 2: core.mmu_.tlbi_aside1(vmid, asid); break;
      case 3: core.mmu_.tlbi_vaae1(vmid, va); break;
      case 5: core.mmu_.tlbi_vale1(vmid, asid, va); break;
      case 7: core.mmu_.tlbi_vaale1(vmid, va); break;
      default: return;
    }
    core.forget_translations();
  };
  if (everywhere) {
    machine_.for_each_core(apply);
  } else {
    apply(*this);
  }
}

void GuestCore::on_undefined(std::uint32_t instruction, std::uint64_t pc) {
  const unsigned el = current_el();
  if (el == 1 && traps(instruction)) return trap_instruction(instruction, pc);
  std::uint64_t esr = unknown_syndrome();
  if (el == 0) {
    // MSR DAIFSet and DAIFClr have op0 0 (C5.1.3).
    const bool daif = (instruction & 0xfffff0df) == 0xd50340df;
    const SysReg r = register_of(instruction);
    if (instruction == kWfi || instruction == kWfe) {
      esr = wfx_syndrome(instruction == kWfe);
    } else if (daif || (is_system_access(instruction) && is_configurable_at_el0(r))) {
      esr = system_register_syndrome(r, instruction & 31, is_read(instruction) && !daif);
    }
  }
  take_synchronous_to_el1(esr, pc);
}

// --- instructions that trap although the engine would execute them ---------------------------

void GuestCore::watch_trapping_instructions(std::uint64_t page_va, std::uint64_t pa) {
  const std::uint8_t* const bytes = machine_.memory().at(pa);
  std::array<std::uint64_t, kMaxWatchesOfPage> sites{};
  std::size_t count = 0;
  for (unsigned offset = 0; offset < 4096; offset += Retirement::kInstructionBytes) {
    std::uint32_t word = 0;
    std::memcpy(&word, bytes + offset, sizeof word);
    if (!traps(word) && word != kWfe) continue;  // WFE may also trap to EL1
    if (count == sites.size()) return watch(page_va, page_va + 4095);
    sites[count++] = page_va + offset;
  }
  for (std::size_t i = 0; i < count; ++i) watch(sites[i], sites[i]);
}

void GuestCore::watch_unmaintained_code(std::uint64_t page_va, std::uint64_t pa) {
  constexpr int kMaxLines = 8;
  CodeMaintenance::LineSet lines = machine_.fetch_coherence_.maintenance().unmaintained(pa);
  if (std::popcount(lines) > kMaxLines) return watch(page_va, page_va + 4095);
  for (; lines != 0; lines &= lines - 1) {
    const std::uint64_t line =
        page_va + static_cast<unsigned>(std::countr_zero(lines)) * CodeMaintenance::kLine;
    watch(line, line + CodeMaintenance::kLine - 1);
  }
}

void GuestCore::report_unmaintained_code(std::uint64_t va) {
  if ((va & ~std::uint64_t{4095}) != instruction_page_.va) return;
  const auto pa = machine_.memory().pa_of(instruction_page_.bytes + (va & 4095));
  if (!pa || !machine_.fetch_coherence_.maintenance().report(*pa)) return;
  ++statistics_.unmaintained_lines;
  if (!machine_.listener_) return;
  const std::uint64_t instructions = retirement_.total_at(va);
  machine_.listener_({.pcpu = index_,
                      .instructions = instructions,
                      .time_ns = instructions + idle_,
                      .pc = va,
                      .address = *pa});
}

void GuestCore::on_instruction_cache(SysReg op, std::uint64_t va) {
  constexpr std::uint64_t kUci = 1ULL << 26;
  const unsigned el = current_el();
  const bool by_address = op == reg::IC_IVAU;
  if (el == 0 && (!by_address || (mmu_.registers().sctlr_el1 & kUci) == 0)) return;  // undefined
  // IC IALLU is taken for all CPUs, too: EL2 asks for that (HCR_EL2.FB) where it matters.
  if (!by_address) return machine_.fetch_coherence_.all_invalidated();
  const auto found = mmu_.translate_without_side_effects(
      va, {.access = Access::Read, .el = static_cast<std::uint8_t>(el), .pan = false});
  if (found) machine_.fetch_coherence_.line_invalidated(found->pa);
}

void GuestCore::watch(std::uint64_t first, std::uint64_t last) {
  // A guest that traps everywhere must not fill the engine with watches.
  if (watches_.size() >= kMaxWatches) {
    forget_watches_next_ = true;
    attention_ = 0;
  }
  uc_hook& hook = watches_[{first, last}];
  if (hook == 0) hook = engine_.watch(first, last, watch_function(), this);
}

void GuestCore::forget_watches() {
  for (const auto& [range, hook] : watches_) engine_.unwatch(hook);
  watches_.clear();
  engine_.flush_code();
  forget_translations();
}

}  // namespace axvm::sim::aarch64
