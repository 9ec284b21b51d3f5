#include <core/arch/aarch64/syndrome.hpp>

namespace axvm::aarch64 {

std::string_view to_string(ExceptionClass c) noexcept {
  switch (c) {
    case ExceptionClass::Unknown: return "undefined instruction";
    case ExceptionClass::Wfx: return "WFI or WFE";
    case ExceptionClass::SimdAccess: return "FP or SIMD access";
    case ExceptionClass::IllegalState: return "illegal execution state";
    case ExceptionClass::Svc: return "SVC";
    case ExceptionClass::Hvc: return "HVC";
    case ExceptionClass::Smc: return "SMC";
    case ExceptionClass::SystemRegister: return "system register access";
    case ExceptionClass::Sve: return "SVE access";
    case ExceptionClass::InstructionAbortLower: return "instruction abort, lower level";
    case ExceptionClass::InstructionAbortSame: return "instruction abort, same level";
    case ExceptionClass::DataAbortLower: return "data abort, lower level";
    case ExceptionClass::DataAbortSame: return "data abort, same level";
  }
  return {};
}

}  // namespace axvm::aarch64
