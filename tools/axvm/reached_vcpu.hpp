#pragma once
// A vCPU at some point of a run, to be looked at.

#include <cstdint>
#include <expected>
#include <hal-sim/arch/aarch64/platform.hpp>
#include <hal-sim/host/host.hpp>
#include <memory>
#include <optional>
#include <tools/axvm/configuration.hpp>

namespace axvm::tool {

struct ReachedVcpu {
  std::unique_ptr<hal_sim::Host> host;
  VmId vm;
  unsigned pcpu = 0;               ///< holds its registers
  std::uint64_t instructions = 0;  ///< that it has retired

  [[nodiscard]] const sim::aarch64::Mmu& mmu() const {
    return *hal_sim::aarch64::mmu_of(host->machine(), pcpu);
  }
};

/// Runs an AArch64 machine until the vCPU of the first VM has retired `at` instructions; to its end
/// without. Otherwise an exit status, and one line on the standard error has said why.
[[nodiscard]] std::expected<ReachedVcpu, int> reach_vcpu(const ConfigurationOptions& options,
                                                         std::uint32_t vcpu,
                                                         std::optional<std::uint64_t> at);

}  // namespace axvm::tool
