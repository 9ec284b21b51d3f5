#include <axvm/result.hpp>
#include <core/arch/riscv64/sbi/sbi.hpp>
#include <core/vm/hypercalls.hpp>
#include <span>

namespace axvm::riscv64::sbi {
namespace {

constexpr std::array kLegacy{"sbi_legacy_set_timer"sv,
                             "sbi_console_putchar"sv,
                             "sbi_console_getchar"sv,
                             "sbi_clear_ipi"sv,
                             "sbi_legacy_send_ipi"sv,
                             "sbi_legacy_remote_fence_i"sv,
                             "sbi_legacy_remote_sfence_vma"sv,
                             "sbi_legacy_sfence_asid"sv,
                             "sbi_shutdown"sv};
constexpr std::array kBase{"sbi_get_spec_version"sv, "sbi_get_impl_id"sv,
                           "sbi_get_impl_version"sv, "sbi_probe_extension"sv,
                           "sbi_get_mvendorid"sv,    "sbi_get_marchid"sv,
                           "sbi_get_mimpid"sv};
constexpr std::array kTime{"sbi_set_timer"sv};
constexpr std::array kIpi{"sbi_send_ipi"sv};
constexpr std::array kRfence{"sbi_remote_fence_i"sv,         "sbi_remote_sfence_vma"sv,
                             "sbi_remote_sfence_vma_asid"sv, "sbi_remote_hfence_gvma_vmid"sv,
                             "sbi_remote_hfence_gvma"sv,     "sbi_remote_hfence_vvma_asid"sv,
                             "sbi_remote_hfence_vvma"sv};
constexpr std::array kHsm{"sbi_hart_start"sv, "sbi_hart_stop"sv, "sbi_hart_get_status"sv,
                          "sbi_hart_suspend"sv};
constexpr std::array kReset{"sbi_system_reset"sv};
constexpr std::array kSuspend{"sbi_system_suspend"sv};
constexpr std::array kStealTime{"sbi_steal_time_set_shmem"sv};
constexpr std::array kConsole{"sbi_debug_console_write"sv, "sbi_debug_console_read"sv,
                              "sbi_debug_console_write_byte"sv};
constexpr std::array kPmu{"sbi_pmu_num_counters"sv,
                          "sbi_pmu_counter_get_info"sv,
                          "sbi_pmu_counter_config_matching"sv,
                          "sbi_pmu_counter_start"sv,
                          "sbi_pmu_counter_stop"sv,
                          "sbi_pmu_counter_fw_read"sv,
                          "sbi_pmu_counter_fw_read_hi"sv,
                          "sbi_pmu_snapshot_set_shmem"sv};

std::string_view name_of(std::span<const std::string_view> names, std::uint64_t n) {
  return n < names.size() ? names[n] : std::string_view();
}

}  // namespace

std::string_view to_string(const Call& call) noexcept {
  const std::uint64_t function = call.function;
  switch (call.extension) {
    case Extension::Base: return name_of(kBase, function);
    case Extension::Time: return name_of(kTime, function);
    case Extension::Ipi: return name_of(kIpi, function);
    case Extension::Rfence: return name_of(kRfence, function);
    case Extension::Hsm: return name_of(kHsm, function);
    case Extension::SystemReset: return name_of(kReset, function);
    case Extension::SystemSuspend: return name_of(kSuspend, function);
    case Extension::StealTime: return name_of(kStealTime, function);
    case Extension::DebugConsole: return name_of(kConsole, function);
    case Extension::Pmu: return name_of(kPmu, function);
    case Extension::Hypercall:
      return function < kHypercallCount ? axvm::to_string(static_cast<axvm::Hypercall>(function))
                                        : std::string_view();
    default: return name_of(kLegacy, static_cast<std::uint64_t>(call.extension));
  }
}

}  // namespace axvm::riscv64::sbi
