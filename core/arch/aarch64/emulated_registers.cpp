#include <core/arch/aarch64/emulated_registers.hpp>
#include <initializer_list>

namespace axvm::aarch64 {
namespace {

/// A mask of the 4-bit fields that begin at these bits.
constexpr std::uint64_t fields(std::initializer_list<unsigned> low_bits) {
  std::uint64_t mask = 0;
  for (const unsigned low : low_bits) mask |= 0xfULL << low;
  return mask;
}

// What passes through to guests, per register (DDI 0487 D24.2). Everything else reads as zero, so
// that a feature nobody has thought of is one that guests do not have.
constexpr std::uint64_t kPfr0 = fields({16, 20, 48, 56, 60});  // FP, AdvSIMD, DIT, CSV2, CSV3
constexpr std::uint64_t kPfr0El01 = 0x11;                      // EL1, EL0: AArch64 only
constexpr std::uint64_t kPfr1 = fields({0, 4});                // BT, SSBS
constexpr std::uint64_t kDfr0 = fields({0, 12, 20, 28});       // DebugVer, BRPs, WRPs, CTX_CMPs
constexpr std::uint64_t kIsar0 =  // all but TME; AES..ATOMIC, RDM..DP, FHM, TS, TLB, RNDR
    fields({4, 8, 12, 16, 20, 28, 32, 36, 40, 44, 48, 52, 56, 60});
constexpr std::uint64_t kIsar1 =  // DPB, JSCVT, FCMA, LRCPC, FRINTTS, SB, SPECRES, BF16, DGH, I8MM
    fields({0, 12, 16, 20, 32, 36, 40, 44, 48, 52});
constexpr std::uint64_t kMmfr0 =
    fields({0, 4, 12, 28, 44});  // PARange, ASIDBits, SNSMem, TGran4, ExS
// Guests get the 4 KiB granule only: TGran64 says "none" with 15, TGran16 with 0.
constexpr std::uint64_t kMmfr0Granules = 0xfULL << 24;
constexpr std::uint64_t kMmfr1 = fields({0, 12, 20});  // HAFDBS, HPDS, PAN
constexpr std::uint64_t kMmfr2 =  // CnP, UAO, IESB off, VARange, CCIDX, AT, IDS off, FWB off, BBM
    fields({0, 4, 16, 20, 32, 52});

constexpr bool is_set_way(std::uint16_t encoding) {
  return encoding == sysreg_encoding(1, 0, 7, 6, 2) ||   // DC ISW
         encoding == sysreg_encoding(1, 0, 7, 10, 2) ||  // DC CSW
         encoding == sysreg_encoding(1, 0, 7, 14, 2);    // DC CISW
}

}  // namespace

EmulatedRegister emulated_register(std::uint16_t encoding) noexcept {
  const unsigned op0 = (encoding >> 14) & 3;
  const unsigned op1 = (encoding >> 11) & 7;
  const unsigned crn = (encoding >> 7) & 15;
  const unsigned crm = (encoding >> 3) & 15;
  if (op0 == 3 && op1 == 0 && crn == 0 && crm >= 1 && crm <= 7) return EmulatedRegister::Feature;
  if (op0 == 2) return EmulatedRegister::Ignored;  // debug and trace
  if (encoding == static_cast<std::uint16_t>(SysReg::ACTLR_EL1)) return EmulatedRegister::Ignored;
  // Performance monitors: PMCR_EL0 and its neighbours, PMINTENSET_EL1, the event counters.
  if (op0 == 3 && crn == 9 && crm >= 12 && crm <= 14 && (op1 == 0 || op1 == 3)) {
    return EmulatedRegister::Ignored;
  }
  if (op0 == 3 && op1 == 3 && crn == 14 && crm >= 8) return EmulatedRegister::Ignored;
  // Caches cannot be maintained by set and way under a VMM, and need not be: guest memory is
  // coherent between all CPUs that the guest can run on.
  if (is_set_way(encoding)) return EmulatedRegister::Ignored;
  return EmulatedRegister::None;
}

std::uint64_t guest_feature(SysReg reg, std::uint64_t real) noexcept {
  switch (reg) {
    case SysReg::ID_AA64PFR0_EL1: return (real & kPfr0) | kPfr0El01;
    case SysReg::ID_AA64PFR1_EL1: return real & kPfr1;
    case SysReg::ID_AA64DFR0_EL1: return real & kDfr0;
    case SysReg::ID_AA64ISAR0_EL1: return real & kIsar0;
    case SysReg::ID_AA64ISAR1_EL1: return real & kIsar1;
    case SysReg::ID_AA64MMFR0_EL1: return (real & kMmfr0) | kMmfr0Granules;
    case SysReg::ID_AA64MMFR1_EL1: return real & kMmfr1;
    case SysReg::ID_AA64MMFR2_EL1: return real & kMmfr2;
    default: return 0;
  }
}

}  // namespace axvm::aarch64
