#pragma once
// Control and status registers that a hypervisor in HS-mode touches, and the fields it uses.
// RISC-V Privileged Architecture 1.13, chapters "Supervisor-Level ISA" and "Hypervisor Extension".

#include <cstdint>

namespace axvm::riscv64 {

/// CSR numbers, as in bits 31:20 of the CSR instructions.
enum class Csr : std::uint16_t {
  fcsr = 0x003,

  // The hypervisor's own.
  sstatus = 0x100,
  sie = 0x104,
  stvec = 0x105,
  scounteren = 0x106,  ///< what VU may count: a guest's, which hardware does not switch
  senvcfg = 0x10a,     ///< what VU may do: likewise
  sscratch = 0x140,
  sepc = 0x141,
  scause = 0x142,
  stval = 0x143,
  sip = 0x144,
  stimecmp = 0x14d,  ///< Sstc
  sireg = 0x151,     ///< Ssaia: the register that siselect names
  stopei = 0x15c,    ///< Ssaia: the first interrupt of the interrupt file
  satp = 0x180,

  // The controls of guests, and what a trap leaves behind.
  hstatus = 0x600,
  hedeleg = 0x602,
  hideleg = 0x603,
  hie = 0x604,
  htimedelta = 0x605,
  hcounteren = 0x606,
  hgeie = 0x607,
  hvictl = 0x609,  ///< Ssaia
  henvcfg = 0x60a,
  hstateen0 = 0x60c,  ///< Smstateen
  htval = 0x643,
  hip = 0x644,
  hvip = 0x645,
  hviprio1 = 0x646,  ///< Ssaia
  hviprio2 = 0x647,  ///< Ssaia
  htinst = 0x64a,
  hgatp = 0x680,
  hgeip = 0xe12,

  // The guest's supervisor registers.
  vsstatus = 0x200,
  vsie = 0x204,
  vstvec = 0x205,
  vsscratch = 0x240,
  vsepc = 0x241,
  vscause = 0x242,
  vstval = 0x243,
  vsip = 0x244,
  vstimecmp = 0x24d,  ///< Sstc
  vsiselect = 0x250,  ///< Ssaia
  vsatp = 0x280,

  cycle = 0xc00,
  time = 0xc01,
  instret = 0xc02,
};

/// sstatus and vsstatus ("Supervisor Status Register").
namespace status {
inline constexpr std::uint64_t kSie = 1ULL << 1;
inline constexpr std::uint64_t kSpie = 1ULL << 5;
inline constexpr std::uint64_t kSpp = 1ULL << 8;  ///< the trap came from S-mode
inline constexpr std::uint64_t kFsMask = 3ULL << 13;
inline constexpr std::uint64_t kFsClean = 2ULL << 13;
inline constexpr std::uint64_t kFsDirty = 3ULL << 13;
inline constexpr std::uint64_t kUxl64 = 2ULL << 32;
}  // namespace status

/// hstatus ("Hypervisor Status Register").
namespace hstatus {
inline constexpr std::uint64_t kGva = 1ULL << 6;   ///< stval has a guest virtual address
inline constexpr std::uint64_t kSpv = 1ULL << 7;   ///< the trap came from a guest; SRET goes there
inline constexpr std::uint64_t kSpvp = 1ULL << 8;  ///< from its VS-mode; whose rights HLV has
inline constexpr std::uint64_t kVtw = 1ULL << 21;  ///< trap WFI
inline constexpr std::uint64_t kVsxl64 = 2ULL << 32;
}  // namespace hstatus

/// Interrupts as bits of sie, hie, hip, hvip and hideleg ("Hypervisor Interrupt Registers").
namespace interrupt {
inline constexpr std::uint64_t kSupervisorSoftware = 1ULL << 1;
inline constexpr std::uint64_t kVsSoftware = 1ULL << 2;
inline constexpr std::uint64_t kSupervisorTimer = 1ULL << 5;
inline constexpr std::uint64_t kVsTimer = 1ULL << 6;
inline constexpr std::uint64_t kSupervisorExternal = 1ULL << 9;
inline constexpr std::uint64_t kVsExternal = 1ULL << 10;
}  // namespace interrupt

/// henvcfg ("Hypervisor Environment Configuration Register").
namespace henvcfg {
inline constexpr std::uint64_t kCbieFlush = 1ULL << 4;  ///< CBO.INVAL flushes, loses nothing
inline constexpr std::uint64_t kCbcfe = 1ULL << 6;      ///< CBO.CLEAN and CBO.FLUSH
inline constexpr std::uint64_t kCbze = 1ULL << 7;       ///< CBO.ZERO
inline constexpr std::uint64_t kPbmte = 1ULL << 62;
inline constexpr std::uint64_t kStce = 1ULL << 63;
}  // namespace henvcfg

/// hstateen0 (Smstateen).
namespace hstateen0 {
inline constexpr std::uint64_t kImsic = 1ULL << 58;     ///< stopei
inline constexpr std::uint64_t kAia = 1ULL << 59;       ///< stopi
inline constexpr std::uint64_t kIndirect = 1ULL << 60;  ///< siselect and sireg
inline constexpr std::uint64_t kSenvcfg = 1ULL << 62;
}  // namespace hstateen0

/// hcounteren ("Hypervisor Counter-Enable Register").
namespace hcounteren {
inline constexpr std::uint64_t kCycle = 1ULL << 0;
inline constexpr std::uint64_t kTime = 1ULL << 1;
inline constexpr std::uint64_t kInstret = 1ULL << 2;
}  // namespace hcounteren

/// hgatp ("Hypervisor Guest Address Translation and Protection Register").
namespace hgatp {
inline constexpr unsigned kModeShift = 60;
inline constexpr unsigned kVmidShift = 44;
inline constexpr std::uint64_t kVmidMask = 0x3fff;
}  // namespace hgatp

}  // namespace axvm::riscv64
