#include <sim/arch/aarch64/fixed_registers.hpp>
#include <sim/arch/aarch64/traps.hpp>

namespace axvm::sim::aarch64 {
namespace {

/// The registers that HCR_EL2.TVM and TRVM trap.
bool is_virtual_memory_control(SysReg r) {
  return is_translation_register(r) || r == reg::AFSR0_EL1 || r == reg::AFSR1_EL1 ||
         r == reg::ESR_EL1 || r == reg::FAR_EL1 || r == reg::AMAIR_EL1 || r == reg::CONTEXTIDR_EL1;
}
/// IMPLEMENTATION DEFINED registers and instructions: CRn 11 and 15.
bool is_implementation_defined(SysReg r) {
  return (r.op0() == 3 || r.op0() == 1) && (r.crn() == 11 || r.crn() == 15);
}
/// DC ISW, CSW, CISW.
bool is_set_way(SysReg r) {
  return r.op0() == 1 && r.op1() == 0 && r.crn() == 7 && r.op2() == 2 &&
         (r.crm() == 6 || r.crm() == 10 || r.crm() == 14);
}
/// SYS of the caches: CRn is 7.
bool is_cache_operation(SysReg r, unsigned op1, unsigned crm, unsigned op2) {
  return r == SysReg(1, op1, 7, crm, op2);
}
/// To the point of coherency, HCR_EL2.TPCP: DC IVAC, CVAC, CIVAC.
bool is_to_coherency(SysReg r) {
  return is_cache_operation(r, 0, 6, 1) || is_cache_operation(r, 3, 10, 1) ||
         is_cache_operation(r, 3, 14, 1);
}
/// To the point of unification, HCR_EL2.TPU: IC IVAU, IALLU, IALLUIS, DC CVAU.
bool is_to_unification(SysReg r) {
  return is_cache_operation(r, 3, 5, 1) || is_cache_operation(r, 0, 5, 0) ||
         is_cache_operation(r, 0, 1, 0) || is_cache_operation(r, 3, 11, 1);
}
bool is_dc_zva(SysReg r) { return is_cache_operation(r, 3, 4, 1); }

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
        case 5: return false;             // ICC_SRE_EL1: by ICC_SRE_EL2
        case 6: return any(ich::TALL0);   // ICC_IGRPEN0_EL1
        default: return any(ich::TALL1);  // ICC_IAR1_EL1, EOIR1, HPPIR1, BPR1, IGRPEN1
      }
    default: return false;
  }
}

/// ICC_SGI1R_EL1, ASGI1R, SGI0R where EL1's interface is the virtual one, which sends none
/// (IHI 0069, 12.2.18 to 12.2.20).
bool sgi_traps(std::uint64_t control, SysReg r) {
  const bool sends = r.op0() == 3 && r.op1() == 0 && r.crn() == 12 && r.crm() == 11 && r.op2() >= 5;
  return sends && (control & (hcr::FMO | hcr::IMO)) != 0;
}

/// ICC_SRE_EL2.Enable (IHI 0069, 12.2.24): clear traps EL1's ICC_SRE_EL1.
bool traps_by_icc_sre(std::uint64_t control, SysReg r) {
  constexpr std::uint64_t kEnable = 1ULL << 3;
  return r == reg::ICC_SRE_EL1 && (control & kEnable) == 0;
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
  if (r == reg::MDRAR_EL1) return (mdcr & kTdra) != 0;
  if (r.crn() == 1 && r.op2() == 4) return (mdcr & kTdosa) != 0;  // OSLAR_EL1 …
  return (mdcr & kTda) != 0;
}

/// CNTHCTL_EL2 (D24.10.2): EL1PCTEN clear traps the physical counter, EL1PCEN clear its timer.
bool traps_by_cnthctl(std::uint64_t cnthctl, SysReg r) {
  if (!is_timer(r)) return false;
  if (r.crm() == 0) return r.op2() == 1 && (cnthctl & 1) == 0;
  return r.crm() == 2 && (cnthctl & 2) == 0;
}

bool read_traps(std::uint64_t h, SysReg r) {
  const auto any = [h](std::uint64_t bits) { return (h & bits) != 0; };
  const bool identification = r.op0() == 3 && r.op1() == 0 && r.crn() == 0;
  if (any(hcr::TID3) && identification && r.crm() >= 1 && r.crm() <= 7) return true;
  if (any(hcr::TID1) && (r == reg::REVIDR_EL1 || r == reg::AIDR_EL1)) return true;
  if (any(hcr::TID2) && (r == reg::CTR_EL0 || r == reg::CCSIDR_EL1 || r == reg::CLIDR_EL1)) {
    return true;
  }
  return any(hcr::TRVM) && is_virtual_memory_control(r);
}

bool write_traps(std::uint64_t h, SysReg r) {
  const auto any = [h](std::uint64_t bits) { return (h & bits) != 0; };
  if (any(hcr::TSW) && is_set_way(r)) return true;
  if (any(hcr::TPCP) && is_to_coherency(r)) return true;
  if (any(hcr::TPU) && is_to_unification(r)) return true;
  if (any(hcr::TDZ) && is_dc_zva(r)) return true;
  if (any(hcr::TTLB) && is_tlbi(r)) return true;
  return any(hcr::TVM) && is_virtual_memory_control(r);
}

}  // namespace

bool is_tlbi(SysReg op) noexcept {
  if (op.op0() != 1 || op.op1() != 0 || op.crn() != 8) return false;
  // CRm 3: inner shareable; 7: this CPU. VMALLE1, VAE1, ASIDE1, VAAE1, VALE1, VAALE1.
  return (op.crm() == 3 || op.crm() == 7) && op.op2() != 4 && op.op2() != 6;
}

bool is_cache_maintenance_by_va(SysReg op) noexcept {
  return is_to_coherency(op) || is_cache_operation(op, 3, 5, 1) || is_cache_operation(op, 3, 11, 1);
}

bool is_timer(SysReg r) noexcept {
  if (r.op0() != 3 || r.op1() != 3 || r.crn() != 14) return false;
  if (r.crm() == 0) return r.op2() == 1 || r.op2() == 2;
  return (r.crm() == 2 || r.crm() == 3) && r.op2() <= 2;
}

bool is_configurable_at_el0(SysReg r) noexcept {
  // PMINTENSET_EL1 and PMINTENCLR_EL1 are EL1's.
  const bool monitor = is_performance_monitor(r) && r.op1() == 3;
  const bool maintenance = is_cache_maintenance_by_va(r) && r.op1() == 3;
  return is_timer(r) || monitor || maintenance || is_dc_zva(r) || r == reg::CTR_EL0 ||
         r == reg::CNTFRQ_EL0 || r == reg::DAIF;
}

bool traps_to_el2(const El2Registers& el2, std::uint32_t word) noexcept {
  if (word == instruction::kWfe) return (el2.hcr & hcr::TWE) != 0;
  if (is_fp(word)) return (el2.cptr & cptr::TFP) != 0;
  if (!is_system_access(word)) return false;
  const SysReg r = register_of(word);
  // ICC_SRE_EL1.SRE comes before all that EL2 says (IHI 0069, 12.2): then these trap to EL1.
  if (!el2.gic.has_system_registers() && VirtualCpuInterface::has(r, is_read(word))) return false;
  if (traps_by_mdcr(el2.mdcr, r) || traps_by_cnthctl(el2.cnthctl, r) ||
      traps_by_ich(el2.gic.control(), r) || sgi_traps(el2.hcr, r) ||
      traps_by_icc_sre(el2.icc_sre, r)) {
    return true;
  }
  if ((el2.cptr & cptr::TCPAC) != 0 && r == reg::CPACR_EL1) return true;
  if ((el2.hcr & hcr::TID2) != 0 && r == reg::CSSELR_EL1) return true;
  if ((el2.hcr & hcr::TACR) != 0 && r == reg::ACTLR_EL1) return true;
  if ((el2.hcr & hcr::TIDCP) != 0 && is_implementation_defined(r)) return true;
  return is_read(word) ? read_traps(el2.hcr, r) : write_traps(el2.hcr, r);
}

}  // namespace axvm::sim::aarch64
