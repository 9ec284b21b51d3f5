#pragma once
// What other harts do to one vCPU that its performance counters count.

#include <array>
#include <atomic>
#include <axvm/result.hpp>
#include <axvm/state.hpp>
#include <core/arch/riscv64/performance_counters.hpp>
#include <cstddef>
#include <cstdint>

namespace axvm::riscv64 {

/// Other CPUs add, the one that runs the vCPU has its counters take over what has come.
class ReceivedEvents {
 public:
  ReceivedEvents() noexcept = default;
  ReceivedEvents(const ReceivedEvents&) = delete;
  ReceivedEvents& operator=(const ReceivedEvents&) = delete;

  /// Another hart has sent the vCPU what counts as `sent` there.
  void add(FirmwareEvent sent) noexcept {
    for (std::size_t n = 0; n < kEvents.size(); ++n) {
      if (kEvents[n] == received(sent)) counts_[n].fetch_add(1);
    }
  }
  /// Each of them counts once.
  void move_to(PerformanceCounters& counters) noexcept {
    for (std::size_t n = 0; n < kEvents.size(); ++n) {
      counters.count(kEvents[n], counts_[n].exchange(0));
    }
  }
  void clear() noexcept {
    for (Count& count : counts_) count.store(0);
  }

  void describe(StateVisitor& visitor) {
    for (Count& count : counts_) {
      std::uint64_t value = count.load();
      visitor.field("received"sv, value);
      count.store(value);
    }
  }

 private:
  using Count = std::atomic<std::uint64_t>;

  static constexpr std::array kEvents{FirmwareEvent::IpiReceived, FirmwareEvent::FenceIReceived,
                                      FirmwareEvent::SfenceVmaReceived,
                                      FirmwareEvent::SfenceVmaAsidReceived};

  std::array<Count, kEvents.size()> counts_{};
};

}  // namespace axvm::riscv64
