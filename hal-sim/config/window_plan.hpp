#pragma once
// What a VM reaches of the host beyond what its file lists.

#include <core/memory/layout.hpp>
#include <hal-sim/config/machine_config.hpp>
#include <hal-sim/config/vm_file.hpp>
#include <vector>

namespace axvm::hal_sim {

/// The windows to host-physical addresses that the VMM will map for `vm` on such a machine with
/// this RAM, listed ones and those of address_space_policy, in ascending order. `vm` has passed
/// check_config.
[[nodiscard]] std::vector<PassthroughWindow> plan_windows(const VmFile& vm, Isa isa,
                                                          const std::vector<MemoryBank>& ram);

}  // namespace axvm::hal_sim
