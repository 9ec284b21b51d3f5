#pragma once
// A vCPU at some point of a run, to be looked at.

#include <cstdint>
#include <expected>
#include <hal-sim/host/host.hpp>
#include <memory>
#include <optional>
#include <tools/axvm/configuration.hpp>
#include <tools/axvm/walk_privilege.hpp>

namespace axvm::tool {

struct ReachedVcpu {
  std::unique_ptr<hal_sim::Host> host;
  VmId vm;
  unsigned pcpu = 0;               ///< holds its registers
  std::uint64_t instructions = 0;  ///< that it has retired
};

/// Runs the machine until the vCPU of the first VM has retired `at` instructions; to its end
/// without. `privilege` is what the walk will be about. Otherwise an exit status, and one line on
/// the standard error has said why.
[[nodiscard]] std::expected<ReachedVcpu, int> reach_vcpu(const ConfigurationOptions& options,
                                                         std::uint32_t vcpu,
                                                         std::optional<std::uint64_t> at,
                                                         const WalkPrivilege& privilege);

}  // namespace axvm::tool
