#include <axvm/result.hpp>
#include <core/arch/riscv64/trap.hpp>

namespace axvm::riscv64 {

std::string_view to_string(ExceptionCause cause) noexcept {
  switch (cause) {
    case ExceptionCause::InstructionMisaligned: return "instruction address misaligned"sv;
    case ExceptionCause::InstructionAccess: return "instruction access fault"sv;
    case ExceptionCause::IllegalInstruction: return "illegal instruction"sv;
    case ExceptionCause::Breakpoint: return "breakpoint"sv;
    case ExceptionCause::LoadMisaligned: return "load address misaligned"sv;
    case ExceptionCause::LoadAccess: return "load access fault"sv;
    case ExceptionCause::StoreMisaligned: return "store/AMO address misaligned"sv;
    case ExceptionCause::StoreAccess: return "store/AMO access fault"sv;
    case ExceptionCause::UserCall: return "environment call from U-mode or VU-mode"sv;
    case ExceptionCause::SupervisorCall: return "environment call from HS-mode"sv;
    case ExceptionCause::VirtualSupervisorCall: return "environment call from VS-mode"sv;
    case ExceptionCause::InstructionPage: return "instruction page fault"sv;
    case ExceptionCause::LoadPage: return "load page fault"sv;
    case ExceptionCause::StorePage: return "store/AMO page fault"sv;
    case ExceptionCause::DoubleTrap: return "double trap"sv;
    case ExceptionCause::SoftwareCheck: return "software check"sv;
    case ExceptionCause::HardwareError: return "hardware error"sv;
    case ExceptionCause::InstructionGuestPage: return "instruction guest-page fault"sv;
    case ExceptionCause::LoadGuestPage: return "load guest-page fault"sv;
    case ExceptionCause::VirtualInstruction: return "virtual instruction"sv;
    case ExceptionCause::StoreGuestPage: return "store/AMO guest-page fault"sv;
  }
  return {};
}

}  // namespace axvm::riscv64
