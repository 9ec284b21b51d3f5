#pragma once
// Which physical CPU a vCPU runs on.

#include <cstdint>
#include <optional>
#include <span>

namespace axvm::hal_common {

/// The CPU of the mask (one bit each) that has the fewest vCPUs so far, the lowest numbered of
/// equals; nothing where no CPU of the mask exists. `load` counts the vCPUs on each CPU, of which
/// the first 64 can be had, and is brought up to date.
[[nodiscard]] inline std::optional<unsigned> place_vcpu(std::uint64_t affinity_mask,
                                                        std::span<unsigned> load) noexcept {
  std::optional<unsigned> best;
  for (unsigned cpu = 0; cpu < load.size() && cpu < 64; ++cpu) {
    const bool allowed = (affinity_mask >> cpu & 1) != 0;
    if (allowed && (!best || load[cpu] < load[*best])) best = cpu;
  }
  if (best) ++load[*best];
  return best;
}

}  // namespace axvm::hal_common
