#pragma once
// Why a guest was left (APM Vol. 2, appendix C).

#include <cstdint>

namespace axvm::sim::x86_64 {

enum class ExitCode : std::uint64_t {
  Cr0Read = 0x00,     ///< + n: CRn
  Cr0Write = 0x10,    ///< + n: CRn
  Dr0Read = 0x20,     ///< + n: DRn
  Dr0Write = 0x30,    ///< + n: DRn
  Exception0 = 0x40,  ///< + vector
  Intr = 0x60,        ///< a physical interrupt
  Nmi = 0x61,
  Smi = 0x62,
  Init = 0x63,
  Vintr = 0x64,        ///< a virtual interrupt is about to be taken
  Cr0SelWrite = 0x65,  ///< CR0 but for TS and MP
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
  Shutdown = 0x7f,  ///< a triple fault
  Vmrun = 0x80,
  Vmmcall = 0x81,
  Vmload = 0x82,
  Vmsave = 0x83,
  Stgi = 0x84,
  Clgi = 0x85,
  Skinit = 0x86,
  Rdtscp = 0x87,
  Icebp = 0x88,
  Wbinvd = 0x89,
  Monitor = 0x8a,
  Mwait = 0x8b,
  MwaitConditional = 0x8c,
  Xsetbv = 0x8d,
  Npf = 0x400,                  ///< a nested page fault
  Invalid = ~std::uint64_t{0},  ///< no state to run
};

constexpr std::uint64_t code_of(ExitCode code) noexcept { return static_cast<std::uint64_t>(code); }

}  // namespace axvm::sim::x86_64
