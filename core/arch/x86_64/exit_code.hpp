#pragma once
// Why a guest has been left: EXITCODE of the VMCB (APM Vol. 2, appendix C), which also numbers the
// bits that ask for it (appendix B, table B-1, offsets 000h to 017h).

#include <cstdint>
#include <string_view>

namespace axvm::x86_64 {

/// Values without a name are legal too. Those below 0xc0 are intercepts: code n is bit n of the
/// intercept vectors.
enum class ExitCode : std::uint64_t {
  ReadCr0 = 0x00,     ///< CRn: + n, up to 15
  WriteCr0 = 0x10,    ///< CRn: + n, up to 15
  ReadDr0 = 0x20,     ///< DRn: + n, up to 15
  WriteDr0 = 0x30,    ///< DRn: + n, up to 15
  Exception0 = 0x40,  ///< vector n: + n, up to 31
  Intr = 0x60,
  Nmi = 0x61,
  Smi = 0x62,
  Init = 0x63,
  Vintr = 0x64,        ///< a virtual interrupt could be taken
  Cr0SelWrite = 0x65,  ///< of bits other than TS and MP
  IdtrRead = 0x66,
  GdtrRead = 0x67,
  LdtrRead = 0x68,
  TrRead = 0x69,
  IdtrWrite = 0x6a,
  GdtrWrite = 0x6b,
  LdtrWrite = 0x6c,
  TrWrite = 0x6d,
  Rdtsc = 0x6e,
  Rdpmc = 0x6f,
  Pushf = 0x70,
  Popf = 0x71,
  Cpuid = 0x72,
  Rsm = 0x73,
  Iret = 0x74,
  Swint = 0x75,  ///< INT n
  Invd = 0x76,
  Pause = 0x77,
  Hlt = 0x78,
  Invlpg = 0x79,
  Invlpga = 0x7a,
  Ioio = 0x7b,
  Msr = 0x7c,
  TaskSwitch = 0x7d,
  FerrFreeze = 0x7e,
  Shutdown = 0x7f,
  Vmrun = 0x80,
  Vmmcall = 0x81,
  Vmload = 0x82,
  Vmsave = 0x83,
  Stgi = 0x84,
  Clgi = 0x85,
  Skinit = 0x86,
  Rdtscp = 0x87,
  Icebp = 0x88,
  Wbinvd = 0x89,            ///< and WBNOINVD
  Monitor = 0x8a,           ///< and MONITORX
  Mwait = 0x8b,             ///< and MWAITX
  MwaitConditional = 0x8c,  ///< with the monitor armed
  Xsetbv = 0x8d,
  Rdpru = 0x8e,
  EferWriteTrap = 0x8f,  ///< behind the instruction
  Cr0WriteTrap = 0x90,   ///< behind the instruction; CRn: + n, up to 15
  Invlpgb = 0xa0,
  InvlpgbIllegal = 0xa1,
  Invpcid = 0xa2,
  Mcommit = 0xa3,
  Tlbsync = 0xa4,
  BusLock = 0xa5,
  IdleHlt = 0xa6,
  Npf = 0x400,  ///< nested page fault
  AvicIncompleteIpi = 0x401,
  AvicNoAcceleration = 0x402,
  Vmgexit = 0x403,
  Invalid = ~std::uint64_t{0},  ///< VMRUN found the guest's state illegal
};

/// The name of the manual for reports, of a range its first; empty when it has none here.
[[nodiscard]] std::string_view to_string(ExitCode code) noexcept;

/// Code n of a range that `first` begins.
[[nodiscard]] constexpr ExitCode exit_code(ExitCode first, unsigned n) noexcept {
  return static_cast<ExitCode>(static_cast<std::uint64_t>(first) + n);
}
/// `code` is in [first, first + count): its number there.
[[nodiscard]] constexpr bool is_in_range(ExitCode code, ExitCode first, unsigned count) noexcept {
  return static_cast<std::uint64_t>(code) - static_cast<std::uint64_t>(first) < count;
}

inline constexpr unsigned kInterceptWords = 6;
/// Whether a bit of the intercept vectors asks for it.
[[nodiscard]] constexpr bool is_intercept(ExitCode code) noexcept {
  return static_cast<std::uint64_t>(code) < 32 * kInterceptWords;
}

}  // namespace axvm::x86_64
