#pragma once
// The registers of EL2 that this machine implements (DDI 0487 D24.2), reset to 0.

#include <cstdint>
#include <sim/arch/aarch64/sysreg.hpp>
#include <sim/arch/aarch64/virtual_cpu_interface.hpp>
#include <sim/state.hpp>

namespace axvm::sim::aarch64 {

/// HCR_EL2 bits that change what this machine does (D24.2.53).
namespace hcr {
inline constexpr std::uint64_t VM = 1ULL << 0;
inline constexpr std::uint64_t PTW = 1ULL << 2;
inline constexpr std::uint64_t FMO = 1ULL << 3;
inline constexpr std::uint64_t IMO = 1ULL << 4;
inline constexpr std::uint64_t AMO = 1ULL << 5;
inline constexpr std::uint64_t VF = 1ULL << 6;
inline constexpr std::uint64_t VI = 1ULL << 7;
inline constexpr std::uint64_t VSE = 1ULL << 8;
inline constexpr std::uint64_t FB = 1ULL << 9;
inline constexpr std::uint64_t DC = 1ULL << 12;
inline constexpr std::uint64_t TWI = 1ULL << 13;
inline constexpr std::uint64_t TWE = 1ULL << 14;
inline constexpr std::uint64_t TID1 = 1ULL << 16;
inline constexpr std::uint64_t TID2 = 1ULL << 17;
inline constexpr std::uint64_t TID3 = 1ULL << 18;
inline constexpr std::uint64_t TSC = 1ULL << 19;
inline constexpr std::uint64_t TIDCP = 1ULL << 20;
inline constexpr std::uint64_t TACR = 1ULL << 21;
inline constexpr std::uint64_t TSW = 1ULL << 22;
inline constexpr std::uint64_t TPCP = 1ULL << 23;
inline constexpr std::uint64_t TPU = 1ULL << 24;
inline constexpr std::uint64_t TTLB = 1ULL << 25;
inline constexpr std::uint64_t TVM = 1ULL << 26;
inline constexpr std::uint64_t TDZ = 1ULL << 28;
inline constexpr std::uint64_t HCD = 1ULL << 29;
inline constexpr std::uint64_t TRVM = 1ULL << 30;
/// FMO, IMO, AMO and VF, VI, VSE begin here, in this order.
inline constexpr unsigned kRouteShift = 3;
inline constexpr unsigned kPendingShift = 6;
/// Bits that make instructions trap which the engine would execute; code is looked through for
/// them.
inline constexpr std::uint64_t kWatched =
    TWE | TID1 | TID2 | TID3 | TIDCP | TACR | TSW | TPCP | TPU | TTLB | TVM | TDZ | TRVM;
/// Bits that decide how addresses translate.
inline constexpr std::uint64_t kTranslation = VM | PTW | DC;
}  // namespace hcr

/// CPTR_EL2 bits (D24.2.31, E2H clear).
namespace cptr {
inline constexpr std::uint64_t TFP = 1ULL << 10;    ///< FP and SIMD
inline constexpr std::uint64_t TCPAC = 1ULL << 31;  ///< CPACR_EL1
}  // namespace cptr

/// ICH_HCR_EL2 bits that make EL1's accesses of the interrupt controller's CPU interface trap
/// (IHI 0069, 12.4.5).
namespace ich {
inline constexpr std::uint64_t TC = 1ULL << 10;     ///< registers common to both groups
inline constexpr std::uint64_t TALL0 = 1ULL << 11;  ///< group 0
inline constexpr std::uint64_t TALL1 = 1ULL << 12;  ///< group 1
inline constexpr std::uint64_t TDIR = 1ULL << 14;   ///< ICC_DIR_EL1
}  // namespace ich

struct El2Registers {
  std::uint64_t vpidr = 0;
  std::uint64_t vmpidr = 0;
  std::uint64_t hcr = 0;
  std::uint64_t mdcr = 0;
  std::uint64_t cptr = 0;
  std::uint64_t hstr = 0;
  std::uint64_t vttbr = 0;
  std::uint64_t vtcr = 0;
  std::uint64_t spsr = 0;
  std::uint64_t elr = 0;
  std::uint64_t esr = 0;
  std::uint64_t far = 0;
  std::uint64_t hpfar = 0;
  std::uint64_t cntvoff = 0;
  std::uint64_t cnthctl = 0;
  std::uint64_t icc_sre = 0;
  VirtualCpuInterface gic;  ///< ICH_*_EL2

  /// The register's storage, or null when it is none of these. What has an effect of its own, and
  /// the interrupt controller's, is the caller's business.
  [[nodiscard]] constexpr std::uint64_t* find(SysReg r) noexcept {
    switch (r.encoding) {
      case SysReg(3, 4, 5, 2, 0).encoding: return &esr;
      case SysReg(3, 4, 4, 0, 1).encoding: return &elr;
      case SysReg(3, 4, 4, 0, 0).encoding: return &spsr;
      case SysReg(3, 4, 6, 0, 0).encoding: return &far;
      case SysReg(3, 4, 6, 0, 4).encoding: return &hpfar;
      case SysReg(3, 4, 1, 1, 0).encoding: return &hcr;
      case SysReg(3, 4, 2, 1, 0).encoding: return &vttbr;
      case SysReg(3, 4, 2, 1, 2).encoding: return &vtcr;
      case SysReg(3, 4, 0, 0, 0).encoding: return &vpidr;
      case SysReg(3, 4, 0, 0, 5).encoding: return &vmpidr;
      case SysReg(3, 4, 1, 1, 1).encoding: return &mdcr;
      case SysReg(3, 4, 1, 1, 2).encoding: return &cptr;
      case SysReg(3, 4, 1, 1, 3).encoding: return &hstr;
      case SysReg(3, 4, 14, 0, 3).encoding: return &cntvoff;
      case SysReg(3, 4, 14, 1, 0).encoding: return &cnthctl;
      case SysReg(3, 4, 12, 9, 5).encoding: return &icc_sre;
      default: return nullptr;
    }
  }

  /// Whether find() knows the register.
  [[nodiscard]] static constexpr bool has(SysReg r) noexcept {
    return El2Registers{}.find(r) != nullptr;
  }

  void describe(StateVisitor& v) {
    v.field("VPIDR_EL2", vpidr);
    v.field("VMPIDR_EL2", vmpidr);
    v.field("HCR_EL2", hcr);
    v.field("MDCR_EL2", mdcr);
    v.field("CPTR_EL2", cptr);
    v.field("HSTR_EL2", hstr);
    v.field("VTTBR_EL2", vttbr);
    v.field("VTCR_EL2", vtcr);
    v.field("SPSR_EL2", spsr);
    v.field("ELR_EL2", elr);
    v.field("ESR_EL2", esr);
    v.field("FAR_EL2", far);
    v.field("HPFAR_EL2", hpfar);
    v.field("CNTVOFF_EL2", cntvoff);
    v.field("CNTHCTL_EL2", cnthctl);
    v.field("ICC_SRE_EL2", icc_sre);
    gic.describe(v);
  }
};

}  // namespace axvm::sim::aarch64
