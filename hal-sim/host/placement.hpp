#pragma once
// Which pCPU a vCPU runs on.

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace axvm::hal_sim {

/// Places vCPUs in order: each on the pCPU of its mask that has the fewest so far, the lowest
/// numbered of equals. So n vCPUs without masks on n idle pCPUs are placed one to one, and more of
/// them share evenly. `load` counts the vCPUs on each pCPU and is brought up to date. Gives a pCPU
/// per mask, or nothing where no pCPU of the mask exists.
[[nodiscard]] std::vector<std::optional<unsigned>> place_vcpus(
    std::span<const std::uint64_t> affinity_masks, std::vector<unsigned>& load);

}  // namespace axvm::hal_sim
