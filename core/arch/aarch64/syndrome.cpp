#include <axvm/result.hpp>
#include <core/arch/aarch64/syndrome.hpp>

namespace axvm::aarch64 {

std::string_view to_string(ExceptionClass c) noexcept {
  switch (c) {
    case ExceptionClass::Unknown: return "undefined instruction"sv;
    case ExceptionClass::Wfx: return "WFI or WFE"sv;
    case ExceptionClass::SimdAccess: return "FP or SIMD access"sv;
    case ExceptionClass::IllegalState: return "illegal execution state"sv;
    case ExceptionClass::Svc: return "SVC"sv;
    case ExceptionClass::Hvc: return "HVC"sv;
    case ExceptionClass::Smc: return "SMC"sv;
    case ExceptionClass::SystemRegister: return "system register access"sv;
    case ExceptionClass::Sve: return "SVE access"sv;
    case ExceptionClass::InstructionAbortLower: return "instruction abort, lower level"sv;
    case ExceptionClass::InstructionAbortSame: return "instruction abort, same level"sv;
    case ExceptionClass::DataAbortLower: return "data abort, lower level"sv;
    case ExceptionClass::DataAbortSame: return "data abort, same level"sv;
  }
  return {};
}

}  // namespace axvm::aarch64
