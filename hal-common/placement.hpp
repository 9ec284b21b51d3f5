#pragma once
// Which physical CPU a vCPU runs on.

#include <bit>
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

/// How many physical CPUs some vCPUs want.
class CpuDemand {
 public:
  /// A vCPU that the CPUs of the mask may run.
  void add(std::uint64_t affinity_mask) noexcept {
    ++vcpus_;
    const auto first = static_cast<unsigned>(std::countr_zero(affinity_mask)) + 1;
    least_ = first > least_ ? first : least_;
  }
  /// With fewer, some vCPU could be placed nowhere; above 64 when it can be in no case.
  [[nodiscard]] unsigned least() const noexcept { return least_; }
  /// One for each vCPU, but at most `most` unless it takes more.
  [[nodiscard]] unsigned best(unsigned most) const noexcept {
    const unsigned each = vcpus_ < most ? vcpus_ : most;
    return each > least_ ? each : least_;
  }

 private:
  unsigned vcpus_ = 0;
  unsigned least_ = 1;
};

}  // namespace axvm::hal_common
