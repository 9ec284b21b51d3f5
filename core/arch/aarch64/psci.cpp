#include <axvm/result.hpp>
#include <core/arch/aarch64/psci.hpp>

namespace axvm::aarch64::psci {
namespace {

constexpr std::uint32_t kSmc64 = 1U << 30;

}  // namespace

Function function_of(std::uint32_t id) noexcept {
  switch (id) {
    case 0x8400'0000: return Function::Version;
    case 0x8400'0002: return Function::CpuOff;
    case 0x8400'0003:
    case 0xc400'0003: return Function::CpuOn;
    case 0x8400'0004:
    case 0xc400'0004: return Function::AffinityInfo;
    case 0x8400'0008: return Function::SystemOff;
    case 0x8400'0009: return Function::SystemReset;
    case 0x8400'000a: return Function::Features;
    default: return Function::Unknown;
  }
}

bool takes_arguments(std::uint64_t x0) noexcept {
  switch (function_of(static_cast<std::uint32_t>(x0))) {
    case Function::CpuOn:
    case Function::AffinityInfo:
    case Function::Features: return true;
    default: return false;
  }
}

std::string_view to_string(Function function) noexcept {
  switch (function) {
    case Function::Unknown: return {};
    case Function::Version: return "PSCI_VERSION"sv;
    case Function::CpuOff: return "CPU_OFF"sv;
    case Function::CpuOn: return "CPU_ON"sv;
    case Function::AffinityInfo: return "AFFINITY_INFO"sv;
    case Function::SystemOff: return "SYSTEM_OFF"sv;
    case Function::SystemReset: return "SYSTEM_RESET"sv;
    case Function::Features: return "PSCI_FEATURES"sv;
  }
  return {};
}

Call::Call(std::uint64_t x0, std::uint64_t x1, std::uint64_t x2, std::uint64_t x3) noexcept
    : function(function_of(static_cast<std::uint32_t>(x0))), id(x0), arguments{x1, x2, x3} {
  if (function == Function::Unknown || (x0 & kSmc64) != 0) return;
  for (std::uint64_t& argument : arguments) argument &= 0xffff'ffff;
}

}  // namespace axvm::aarch64::psci
