#pragma once
// Control and status registers by number (Privileged Architecture, "CSR Listing"), named as the
// manual names them.

#include <cstdint>

namespace axvm::sim::riscv64 {

enum class Csr : std::uint16_t {
  // Unprivileged.
  fflags = 0x001,
  frm = 0x002,
  fcsr = 0x003,
  cycle = 0xc00,
  time = 0xc01,
  instret = 0xc02,
  hpmcounter31 = 0xc1f,

  // Supervisor: HS-mode's own, and what VS-mode has in their place.
  sstatus = 0x100,
  sie = 0x104,
  stvec = 0x105,
  scounteren = 0x106,
  senvcfg = 0x10a,
  sscratch = 0x140,
  sepc = 0x141,
  scause = 0x142,
  stval = 0x143,
  sip = 0x144,
  stimecmp = 0x14d,
  siselect = 0x150,
  sireg = 0x151,
  stopei = 0x15c,
  satp = 0x180,
  stopi = 0xdb0,
  sstateen0 = 0x10c,
  sstateen1 = 0x10d,
  sstateen2 = 0x10e,
  sstateen3 = 0x10f,

  // Hypervisor.
  hstatus = 0x600,
  hedeleg = 0x602,
  hideleg = 0x603,
  hie = 0x604,
  htimedelta = 0x605,
  hcounteren = 0x606,
  hgeie = 0x607,
  hvien = 0x608,
  hvictl = 0x609,
  henvcfg = 0x60a,
  hstateen0 = 0x60c,
  hstateen1 = 0x60d,
  hstateen2 = 0x60e,
  hstateen3 = 0x60f,
  htval = 0x643,
  hip = 0x644,
  hvip = 0x645,
  hviprio1 = 0x646,
  hviprio2 = 0x647,
  htinst = 0x64a,
  hgatp = 0x680,
  hgeip = 0xe12,

  // Virtual supervisor.
  vsstatus = 0x200,
  vsie = 0x204,
  vstvec = 0x205,
  vsscratch = 0x240,
  vsepc = 0x241,
  vscause = 0x242,
  vstval = 0x243,
  vsip = 0x244,
  vstimecmp = 0x24d,
  vsiselect = 0x250,
  vsireg = 0x251,
  vstopei = 0x25c,
  vsatp = 0x280,
  vstopi = 0xeb0,

  // What M-mode firmware passes on: read only here.
  misa = 0x301,
};

/// The lowest privilege that may access a CSR, bits [9:8] of its number: 0 U, 1 S, 2 HS (also the
/// virtual supervisor's), 3 M.
constexpr unsigned privilege_of(std::uint16_t number) noexcept { return (number >> 8) & 3; }
/// Bits [11:10] of its number: writes are illegal.
constexpr bool is_read_only(std::uint16_t number) noexcept { return (number >> 10) == 3; }

/// mstatus, sstatus and vsstatus ("Supervisor Status Register").
namespace status {
inline constexpr std::uint64_t SIE = 1ULL << 1;
inline constexpr std::uint64_t SPIE = 1ULL << 5;
inline constexpr std::uint64_t UBE = 1ULL << 6;
inline constexpr std::uint64_t SPP = 1ULL << 8;
inline constexpr std::uint64_t FS = 3ULL << 13;
inline constexpr std::uint64_t SUM = 1ULL << 18;
inline constexpr std::uint64_t MXR = 1ULL << 19;
inline constexpr std::uint64_t UXL = 3ULL << 32;
inline constexpr std::uint64_t UXL_64 = 2ULL << 32;
inline constexpr std::uint64_t SD = 1ULL << 63;
}  // namespace status

/// hstatus ("Hypervisor Status Register").
namespace hstatus {
inline constexpr std::uint64_t GVA = 1ULL << 6;
inline constexpr std::uint64_t SPV = 1ULL << 7;
inline constexpr std::uint64_t SPVP = 1ULL << 8;
inline constexpr std::uint64_t HU = 1ULL << 9;
inline constexpr std::uint64_t VTVM = 1ULL << 20;
inline constexpr std::uint64_t VTW = 1ULL << 21;
inline constexpr std::uint64_t VTSR = 1ULL << 22;
inline constexpr std::uint64_t VSXL_64 = 2ULL << 32;
}  // namespace hstatus

/// menvcfg and henvcfg.
namespace envcfg {
inline constexpr std::uint64_t FIOM = 1ULL << 0;
inline constexpr std::uint64_t PBMTE = 1ULL << 62;
inline constexpr std::uint64_t STCE = 1ULL << 63;
}  // namespace envcfg

/// hstateen0 ("Smstateen"; Advanced Interrupt Architecture, 2.5). Bit 58 is of interrupt files, of
/// which there are none.
namespace hstateen0 {
inline constexpr std::uint64_t AIA = 1ULL << 59;
inline constexpr std::uint64_t CSRIND = 1ULL << 60;
inline constexpr std::uint64_t ENVCFG = 1ULL << 62;
inline constexpr std::uint64_t SE0 = 1ULL << 63;
}  // namespace hstateen0

/// hvictl (Advanced Interrupt Architecture, 6.3.2).
namespace hvictl {
inline constexpr std::uint64_t IPRIO = 0xff;
inline constexpr std::uint64_t IPRIOM = 1ULL << 8;
inline constexpr std::uint64_t DPR = 1ULL << 9;
inline constexpr std::uint64_t IID = 0x3fULL << 16;  ///< the six bits that there have to be
inline constexpr std::uint64_t VTI = 1ULL << 30;
}  // namespace hvictl

/// Interrupts by their bits in hip, hie, hvip and hideleg.
namespace interrupt {
inline constexpr std::uint64_t SSI = 1ULL << 1;
inline constexpr std::uint64_t VSSI = 1ULL << 2;
inline constexpr std::uint64_t STI = 1ULL << 5;
inline constexpr std::uint64_t VSTI = 1ULL << 6;
inline constexpr std::uint64_t SEI = 1ULL << 9;
inline constexpr std::uint64_t VSEI = 1ULL << 10;
inline constexpr std::uint64_t SGEI = 1ULL << 12;
inline constexpr std::uint64_t kVirtual = VSSI | VSTI | VSEI;
}  // namespace interrupt

/// scause ("Supervisor Cause Register", table of codes; with the hypervisor extension's).
enum class Cause : std::uint64_t {
  InstructionMisaligned = 0,
  InstructionAccessFault = 1,
  IllegalInstruction = 2,
  Breakpoint = 3,
  LoadMisaligned = 4,
  LoadAccessFault = 5,
  StoreMisaligned = 6,
  StoreAccessFault = 7,
  EcallFromU = 8,
  EcallFromVs = 10,
  InstructionPageFault = 12,
  LoadPageFault = 13,
  StorePageFault = 15,
  HardwareError = 19,
  InstructionGuestPageFault = 20,
  LoadGuestPageFault = 21,
  VirtualInstruction = 22,
  StoreGuestPageFault = 23,

  SupervisorSoftware = (1ULL << 63) | 1,
  VirtualSupervisorSoftware = (1ULL << 63) | 2,
  SupervisorTimer = (1ULL << 63) | 5,
  VirtualSupervisorTimer = (1ULL << 63) | 6,
  SupervisorExternal = (1ULL << 63) | 9,
  VirtualSupervisorExternal = (1ULL << 63) | 10,
};

}  // namespace axvm::sim::riscv64
