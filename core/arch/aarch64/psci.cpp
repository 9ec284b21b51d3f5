#include <axvm/result.hpp>
#include <core/arch/aarch64/psci.hpp>

namespace axvm::aarch64::psci {

std::string_view to_string(Function function) noexcept {
  switch (function) {
    case Function::Unknown: return {};
    case Function::SmcccVersion: return "SMCCC_VERSION"sv;
    case Function::SmcccArchFeatures: return "SMCCC_ARCH_FEATURES"sv;
    case Function::Version: return "PSCI_VERSION"sv;
    case Function::CpuSuspend: return "CPU_SUSPEND"sv;
    case Function::CpuOff: return "CPU_OFF"sv;
    case Function::CpuOn: return "CPU_ON"sv;
    case Function::AffinityInfo: return "AFFINITY_INFO"sv;
    case Function::Migrate: return "MIGRATE"sv;
    case Function::MigrateInfoType: return "MIGRATE_INFO_TYPE"sv;
    case Function::MigrateInfoUpCpu: return "MIGRATE_INFO_UP_CPU"sv;
    case Function::SystemOff: return "SYSTEM_OFF"sv;
    case Function::SystemReset: return "SYSTEM_RESET"sv;
    case Function::Features: return "PSCI_FEATURES"sv;
    case Function::CpuFreeze: return "CPU_FREEZE"sv;
    case Function::CpuDefaultSuspend: return "CPU_DEFAULT_SUSPEND"sv;
    case Function::NodeHwState: return "NODE_HW_STATE"sv;
    case Function::SystemSuspend: return "SYSTEM_SUSPEND"sv;
    case Function::SetSuspendMode: return "PSCI_SET_SUSPEND_MODE"sv;
    case Function::StatResidency: return "PSCI_STAT_RESIDENCY"sv;
    case Function::StatCount: return "PSCI_STAT_COUNT"sv;
    case Function::SystemReset2: return "SYSTEM_RESET2"sv;
    case Function::MemProtect: return "MEM_PROTECT"sv;
    case Function::MemProtectCheckRange: return "MEM_PROTECT_CHECK_RANGE"sv;
  }
  return {};
}

}  // namespace axvm::aarch64::psci
