#include <axvm/result.hpp>
#include <core/arch/aarch64/psci.hpp>

namespace axvm::aarch64::psci {
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

}  // namespace axvm::aarch64::psci
