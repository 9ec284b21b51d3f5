#include <core/arch/x86_64/exit.hpp>

namespace axvm::x86_64 {
namespace {

constexpr std::uint8_t number_in(ExitCode code) {
  return static_cast<std::uint8_t>(static_cast<std::uint64_t>(code) & 0xf);
}

}  // namespace

Exit decode_exit(ExitCode code, std::uint64_t info1, std::uint64_t info2) noexcept {
  using enum ExitCode;
  if (is_in_range(code, ReadCr0, 32)) return ControlRegisterAccess(code, info1);
  if (is_in_range(code, ReadDr0, 32)) return DebugRegisterAccess(code, info1);
  if (is_in_range(code, Exception0, 32)) return InterceptedException(code, info1, info2);
  if (is_in_range(code, IdtrRead, 8)) return DescriptorTableAccess(code);
  if (is_in_range(code, Cr0WriteTrap, 16)) return ControlRegisterTrap{number_in(code), info1};
  switch (code) {
    case Intr:
    case ExitCode::Nmi:
    case Smi:
    case Init: return PhysicalInterrupt(code);
    case Vintr: return InterruptWindow{};
    case Cr0SelWrite: return SelectiveCr0Write(info1);
    case EferWriteTrap: return EferTrap{info1};
    case Swint: return SoftwareInterrupt{static_cast<std::uint8_t>(info1)};
    case Invlpg: return PageInvalidation{GuestVirtAddr(info1)};
    case Ioio: return IoAccess(info1, info2);
    case Msr: return MsrAccess{(info1 & 1) != 0};
    case ExitCode::TaskSwitch: return x86_64::TaskSwitch(info1, info2);
    case ExitCode::Shutdown: return x86_64::Shutdown{};
    case ExitCode::FerrFreeze: return x86_64::FerrFreeze{};
    case ExitCode::BusLock: return x86_64::BusLock{};
    case Npf: return NestedPageFault(info1, info2);
    case Invalid: return InvalidGuestState{};
    case Rdtsc:
    case Rdpmc:
    case Pushf:
    case Popf:
    case Cpuid:
    case Rsm:
    case Iret:
    case Invd:
    case Pause:
    case Hlt:
    case Invlpga:
    case Vmrun:
    case Vmmcall:
    case Vmload:
    case Vmsave:
    case Stgi:
    case Clgi:
    case Skinit:
    case Rdtscp:
    case Icebp:
    case Wbinvd:
    case Monitor:
    case Mwait:
    case MwaitConditional:
    case Xsetbv:
    case Rdpru:
    case Invlpgb:
    case InvlpgbIllegal:
    case Invpcid:
    case Mcommit:
    case Tlbsync:
    case IdleHlt: return InterceptedInstruction{code};
    default: return UnknownExit{code};
  }
}

}  // namespace axvm::x86_64
