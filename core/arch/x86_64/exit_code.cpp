#include <axvm/result.hpp>
#include <core/arch/x86_64/exit_code.hpp>

namespace axvm::x86_64 {

std::string_view to_string(ExitCode code) noexcept {
  using enum ExitCode;
  if (is_in_range(code, ReadCr0, 16)) return "CR read"sv;
  if (is_in_range(code, WriteCr0, 16)) return "CR write"sv;
  if (is_in_range(code, ReadDr0, 16)) return "DR read"sv;
  if (is_in_range(code, WriteDr0, 16)) return "DR write"sv;
  if (is_in_range(code, Exception0, 32)) return "exception"sv;
  if (is_in_range(code, Cr0WriteTrap, 16)) return "CR write trap"sv;
  switch (code) {
    case Intr: return "interrupt"sv;
    case Nmi: return "NMI"sv;
    case Smi: return "SMI"sv;
    case Init: return "INIT"sv;
    case Vintr: return "virtual interrupt"sv;
    case Cr0SelWrite: return "CR0 selective write"sv;
    case IdtrRead: return "IDTR read"sv;
    case GdtrRead: return "GDTR read"sv;
    case LdtrRead: return "LDTR read"sv;
    case TrRead: return "TR read"sv;
    case IdtrWrite: return "IDTR write"sv;
    case GdtrWrite: return "GDTR write"sv;
    case LdtrWrite: return "LDTR write"sv;
    case TrWrite: return "TR write"sv;
    case Rdtsc: return "RDTSC"sv;
    case Rdpmc: return "RDPMC"sv;
    case Pushf: return "PUSHF"sv;
    case Popf: return "POPF"sv;
    case Cpuid: return "CPUID"sv;
    case Rsm: return "RSM"sv;
    case Iret: return "IRET"sv;
    case Swint: return "INT n"sv;
    case Invd: return "INVD"sv;
    case Pause: return "PAUSE"sv;
    case Hlt: return "HLT"sv;
    case Invlpg: return "INVLPG"sv;
    case Invlpga: return "INVLPGA"sv;
    case Ioio: return "I/O"sv;
    case Msr: return "MSR"sv;
    case TaskSwitch: return "task switch"sv;
    case FerrFreeze: return "FERR freeze"sv;
    case Shutdown: return "shutdown"sv;
    case Vmrun: return "VMRUN"sv;
    case Vmmcall: return "VMMCALL"sv;
    case Vmload: return "VMLOAD"sv;
    case Vmsave: return "VMSAVE"sv;
    case Stgi: return "STGI"sv;
    case Clgi: return "CLGI"sv;
    case Skinit: return "SKINIT"sv;
    case Rdtscp: return "RDTSCP"sv;
    case Icebp: return "ICEBP"sv;
    case Wbinvd: return "WBINVD"sv;
    case Monitor: return "MONITOR"sv;
    case Mwait: return "MWAIT"sv;
    case MwaitConditional: return "MWAIT, armed"sv;
    case Xsetbv: return "XSETBV"sv;
    case Rdpru: return "RDPRU"sv;
    case EferWriteTrap: return "EFER write trap"sv;
    case Invlpgb: return "INVLPGB"sv;
    case InvlpgbIllegal: return "INVLPGB, illegal"sv;
    case Invpcid: return "INVPCID"sv;
    case Mcommit: return "MCOMMIT"sv;
    case Tlbsync: return "TLBSYNC"sv;
    case BusLock: return "bus lock"sv;
    case IdleHlt: return "HLT, idle"sv;
    case Npf: return "nested page fault"sv;
    case AvicIncompleteIpi: return "AVIC incomplete IPI"sv;
    case AvicNoAcceleration: return "AVIC access not accelerated"sv;
    case Vmgexit: return "VMGEXIT"sv;
    case Invalid: return "invalid guest state"sv;
    default: return {};
  }
}

}  // namespace axvm::x86_64
