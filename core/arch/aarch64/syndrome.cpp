#include <axvm/result.hpp>
#include <core/arch/aarch64/syndrome.hpp>

namespace axvm::aarch64 {

std::string_view to_string(ExceptionClass c) noexcept {
  switch (c) {
    case ExceptionClass::Unknown: return "undefined instruction"sv;
    case ExceptionClass::Wfx: return "WFI or WFE"sv;
    case ExceptionClass::SimdAccess: return "FP or SIMD access"sv;
    case ExceptionClass::PointerAuthentication: return "pointer authentication"sv;
    case ExceptionClass::BranchTarget: return "branch target"sv;
    case ExceptionClass::IllegalState: return "illegal execution state"sv;
    case ExceptionClass::Svc32: return "SVC from AArch32"sv;
    case ExceptionClass::Svc: return "SVC"sv;
    case ExceptionClass::Hvc: return "HVC"sv;
    case ExceptionClass::Smc: return "SMC"sv;
    case ExceptionClass::SystemRegister: return "system register access"sv;
    case ExceptionClass::Sve: return "SVE access"sv;
    case ExceptionClass::PointerAuthenticationFailure: return "pointer authentication failure"sv;
    case ExceptionClass::Sme: return "SME access"sv;
    case ExceptionClass::InstructionAbortLower: return "instruction abort, lower level"sv;
    case ExceptionClass::InstructionAbortSame: return "instruction abort, same level"sv;
    case ExceptionClass::PcAlignment: return "PC alignment fault"sv;
    case ExceptionClass::DataAbortLower: return "data abort, lower level"sv;
    case ExceptionClass::DataAbortSame: return "data abort, same level"sv;
    case ExceptionClass::SpAlignment: return "SP alignment fault"sv;
    case ExceptionClass::MemoryCopy: return "memory copy or set"sv;
    case ExceptionClass::FloatingPoint32: return "floating-point exception from AArch32"sv;
    case ExceptionClass::FloatingPoint: return "floating-point exception"sv;
    case ExceptionClass::SError: return "SError"sv;
    case ExceptionClass::BreakpointLower: return "breakpoint, lower level"sv;
    case ExceptionClass::BreakpointSame: return "breakpoint, same level"sv;
    case ExceptionClass::StepLower: return "software step, lower level"sv;
    case ExceptionClass::StepSame: return "software step, same level"sv;
    case ExceptionClass::WatchpointLower: return "watchpoint, lower level"sv;
    case ExceptionClass::WatchpointSame: return "watchpoint, same level"sv;
    case ExceptionClass::Bkpt32: return "BKPT from AArch32"sv;
    case ExceptionClass::Brk: return "BRK"sv;
  }
  return {};
}

}  // namespace axvm::aarch64
