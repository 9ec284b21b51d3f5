// The registers as software at EL2 reads and writes them.

#include <sim/arch/aarch64/fixed_registers.hpp>
#include <sim/arch/aarch64/guest_core.hpp>

namespace axvm::sim::aarch64 {
namespace {

constexpr std::uint64_t kMpidrRes1 = 1ULL << 31;

}  // namespace

std::uint64_t GuestCore::read(SysReg r) {
  if (r == reg::SPSR_EL2 && spsr_is_current_) {
    el2_.spsr = engine_.pstate();
    spsr_is_current_ = false;
  }
  if (const std::uint64_t* const v = el2_.find(r)) return *v;
  if (const auto v = el2_.gic.read_el2(r)) return *v;
  if (r == reg::SP_EL0) return engine_.sp_el(0);
  if (r == reg::SP_EL1) return engine_.sp_el(1);
  if (r == reg::SCTLR_EL1) return mmu_.registers().sctlr_el1;
  if (r == reg::MPIDR_EL1) return kMpidrRes1 | index_;
  if (const auto v = timers_.read(r, time(), el2_.cntvoff)) return *v;
  if (const auto v = fixed_register(r)) return *v;
  return engine_.system(r);
}

void GuestCore::write(SysReg r, std::uint64_t value) {
  if (r == reg::SPSR_EL1 || r == reg::SPSR_EL2) value = without_aarch32(value);
  if (std::uint64_t* const v = el2_.find(r)) {
    const std::uint64_t old = *v;
    *v = value;
    trap_answer_ = {};
    if (r == reg::SPSR_EL2) {
      spsr_is_current_ = false;
      spsr_written_ = true;
    } else if (value != old && (r == reg::HCR_EL2 || r == reg::VTTBR_EL2 || r == reg::VTCR_EL2)) {
      on_stage2_control(r, old);
    } else if (value != old &&
               (r == reg::MDCR_EL2 || r == reg::CNTHCTL_EL2 || r == reg::CPTR_EL2)) {
      forget_watches();
    } else if (r == reg::CNTVOFF_EL2) {
      refresh_interrupts(time());
    }
    return;
  }
  // Without system registers for itself, EL2 has none to give (IHI 0069, 12.2.24).
  if (r == reg::ICC_SRE_EL1 && (el2_.icc_sre & 1) == 0) return;
  if (el2_.gic.write_el2(r, value)) {
    trap_answer_ = {};
    return refresh_interrupts(time());
  }
  if (r == reg::SP_EL0 || r == reg::SP_EL1) {
    const bool matters = r == reg::SP_EL0 || checks_stack_at(1);
    if (matters && note_stack(value)) forget_watches();
    return engine_.set_sp_el(r == reg::SP_EL0 ? 0 : 1, value);
  }
  if (timers_.write(r, value, time(), el2_.cntvoff)) return refresh_interrupts(time());
  if (fixed_register(r)) return;
  if (r == reg::CPACR_EL1) control_fp(engine_.system(r), value);
  engine_.set_system(r, value);
  if (is_translation_register(r)) {
    mirror_translation_register(r, value);
    forget_translations();
  }
}

void GuestCore::on_stage2_control(SysReg r, std::uint64_t old) {
  Registers& t = mmu_.registers();
  t.hcr_el2 = el2_.hcr;
  t.vttbr_el2 = el2_.vttbr;
  t.vtcr_el2 = el2_.vtcr;
  const std::uint64_t changed = r == reg::HCR_EL2 ? old ^ el2_.hcr : hcr::kTranslation;
  if ((changed & hcr::kTranslation) != 0) forget_translations();
  if (r == reg::HCR_EL2 && (changed & hcr::kWatched) != 0) forget_watches();
}

void GuestCore::at_s1(std::uint64_t va, unsigned el, bool write) {
  // What is an exception for EL1 (stage 2 refuses a descriptor) is a result for EL2, the same that
  // translating by both stages has.
  const auto par = mmu_.at_s1(va, el, write);
  engine_.set_system(reg::PAR_EL1, par ? *par : mmu_.at_s12(va, el, write));
}

void GuestCore::reset_registers() {
  // SCTLR_EL1 resets with the MMU and caches off (D24.2.118); RES1 bits of ARMv8.0 set.
  constexpr std::uint64_t kSctlrReset = 0x30c50830 & ~1ULL;
  engine_.set_pstate(0x3c5);
  engine_.set_system(reg::SCTLR_EL1, kSctlrReset);
  mirror_translation_register(reg::SCTLR_EL1, kSctlrReset);
  el2_.vpidr = engine_.system(reg::MIDR_EL1);
  el2_.vmpidr = kMpidrRes1 | index_;
  el2_.spsr = 0x3c5;
}

}  // namespace axvm::sim::aarch64
