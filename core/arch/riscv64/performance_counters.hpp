#pragma once
// The counters that a guest asks for by SBI (2.0, "Performance Monitoring Unit Extension"): cycle
// and instret of its hart, and what the VMM counts.

#include <array>
#include <axvm/result.hpp>
#include <axvm/state.hpp>
#include <core/arch/riscv64/csr.hpp>
#include <cstddef>
#include <cstdint>
#include <optional>

namespace axvm::riscv64 {

/// Codes of events of type 15 that happen here ("Firmware Events"). Sent and received is what goes
/// from one hart to another; guests have no guests, whose fences have codes of their own.
enum class FirmwareEvent : std::uint8_t {
  SetTimer = 5,
  IpiSent = 6,
  IpiReceived = 7,
  FenceISent = 8,
  FenceIReceived = 9,
  SfenceVmaSent = 10,
  SfenceVmaReceived = 11,
  SfenceVmaAsidSent = 12,
  SfenceVmaAsidReceived = 13,
};

/// What it counts as where it arrives.
[[nodiscard]] constexpr FirmwareEvent received(FirmwareEvent sent) noexcept {
  return static_cast<FirmwareEvent>(static_cast<std::uint8_t>(sent) + 1);
}
static_assert(received(FirmwareEvent::IpiSent) == FirmwareEvent::IpiReceived &&
              received(FirmwareEvent::SfenceVmaAsidSent) == FirmwareEvent::SfenceVmaAsidReceived);

/// What a hart has counted so far, for ever and for all of its guests.
struct HardwareCounts {
  std::uint64_t cycle = 0;
  std::uint64_t instret = 0;
};

/// Of one vCPU; changed by the CPU that runs it.
///
/// Until a guest configures it, a hardware counter is the hart's own, and read without the VMM.
/// What the guest sees differs from that once it was stopped or given a value: then reads trap.
class PerformanceCounters {
 public:
  static constexpr unsigned kCycle = 0;
  static constexpr unsigned kInstret = 1;
  static constexpr unsigned kHardware = 2;
  static constexpr unsigned kFirmware = 8;
  static constexpr unsigned kCount = kHardware + kFirmware;

  /// Type in bits 19:16, code in bits 15:0 ("Event Encoding").
  using Event = std::uint32_t;
  static constexpr Event kCycles = 1;        ///< SBI_PMU_HW_CPU_CYCLES
  static constexpr Event kInstructions = 2;  ///< SBI_PMU_HW_INSTRUCTIONS
  static constexpr Event kFirmwareType = 0xf'0000;

  [[nodiscard]] static constexpr bool is_hardware(unsigned n) noexcept { return n < kHardware; }

  /// Whether counter `n` can count `event`.
  [[nodiscard]] static constexpr bool can_count(unsigned n, std::uint64_t event) noexcept {
    if (n == kCycle) return event == kCycles;
    if (n == kInstret) return event == kInstructions;
    return n < kCount && total_of(event).has_value();
  }

  [[nodiscard]] bool is_configured(unsigned n) const noexcept {
    return counters_[n].event != kNothing;
  }
  [[nodiscard]] bool is_running(unsigned n) const noexcept { return counters_[n].is_running; }

  /// Counter `n`, which can count `event` and is stopped, counts that from its next start on.
  void configure(unsigned n, Event event, const HardwareCounts& now) noexcept {
    counters_[n] = {.event = event, .is_running = false, .base = value(n, now)};
  }
  /// It counts nothing; a hardware counter is the hart's again.
  void release(unsigned n) noexcept { counters_[n] = {}; }

  /// What counter `n` shows.
  [[nodiscard]] std::uint64_t value(unsigned n, const HardwareCounts& now) const noexcept {
    const Counter& counter = counters_[n];
    if (counter.is_running) return counter.base + source(n, now);
    return counter.event == kNothing ? source(n, now) : counter.base;
  }
  /// Counter `n` is stopped and configured.
  void set(unsigned n, std::uint64_t value) noexcept { counters_[n].base = value; }
  void start(unsigned n, const HardwareCounts& now) noexcept {
    counters_[n].base -= source(n, now);
    counters_[n].is_running = true;
  }
  void stop(unsigned n, const HardwareCounts& now) noexcept {
    counters_[n].base += source(n, now);
    counters_[n].is_running = false;
  }

  /// The guest's registers leave a hart, or enter one: what is counted between is not the guest's.
  [[nodiscard]] bool counts_hardware() const noexcept {
    return is_running(kCycle) || is_running(kInstret);
  }
  void leave(const HardwareCounts& now) noexcept {
    for (unsigned n = 0; n < kHardware; ++n) {
      if (is_running(n)) counters_[n].base += source(n, now);
    }
  }
  void enter(const HardwareCounts& now) noexcept {
    for (unsigned n = 0; n < kHardware; ++n) {
      if (is_running(n)) counters_[n].base -= source(n, now);
    }
  }

  /// `times` more of an event.
  void count(FirmwareEvent event, std::uint64_t times = 1) noexcept {
    if (const auto n = total_of(kFirmwareType | static_cast<Event>(event))) totals_[*n] += times;
  }

  /// hcounteren for this guest: what it may read by itself.
  [[nodiscard]] std::uint64_t readable() const noexcept {
    return hcounteren::kTime | (is_harts_own(kCycle) ? hcounteren::kCycle : 0) |
           (is_harts_own(kInstret) ? hcounteren::kInstret : 0);
  }

  /// Where counters are left when they are stopped, if the guest has shared a page for it.
  [[nodiscard]] std::uint64_t snapshot_page() const noexcept { return snapshot_page_; }
  void set_snapshot_page(std::uint64_t gpa) noexcept { snapshot_page_ = gpa; }
  static constexpr std::uint64_t kNoPage = ~std::uint64_t{0};

  void describe(StateVisitor& visitor) {
    for (Counter& counter : counters_) {
      visitor.value("counter_event"sv, counter.event);
      visitor.value("counter_runs"sv, counter.is_running);
      visitor.field("counter_base"sv, counter.base);
    }
    for (std::uint64_t& total : totals_) visitor.field("event_total"sv, total);
    visitor.field("counter_snapshot"sv, snapshot_page_);
  }

 private:
  static constexpr Event kNothing = ~Event{0};
  static constexpr std::array kEvents{FirmwareEvent::SetTimer,
                                      FirmwareEvent::IpiSent,
                                      FirmwareEvent::IpiReceived,
                                      FirmwareEvent::FenceISent,
                                      FirmwareEvent::FenceIReceived,
                                      FirmwareEvent::SfenceVmaSent,
                                      FirmwareEvent::SfenceVmaReceived,
                                      FirmwareEvent::SfenceVmaAsidSent,
                                      FirmwareEvent::SfenceVmaAsidReceived};

  struct Counter {
    Event event = kNothing;
    bool is_running = false;
    std::uint64_t base = 0;  ///< the value; while it runs, without what the source says
  };

  /// Which total counts `event`.
  [[nodiscard]] static constexpr std::optional<std::size_t> total_of(std::uint64_t event) noexcept {
    for (std::size_t n = 0; n < kEvents.size(); ++n) {
      if (event == (kFirmwareType | static_cast<Event>(kEvents[n]))) return n;
    }
    return std::nullopt;
  }
  [[nodiscard]] std::uint64_t source(unsigned n, const HardwareCounts& now) const noexcept {
    if (n == kCycle) return now.cycle;
    if (n == kInstret) return now.instret;
    const auto total = total_of(counters_[n].event);
    return total ? totals_[*total] : 0;
  }
  [[nodiscard]] bool is_harts_own(unsigned n) const noexcept {
    const Counter& counter = counters_[n];
    return counter.event == kNothing || (counter.is_running && counter.base == 0);
  }

  std::array<Counter, kCount> counters_{};
  std::array<std::uint64_t, kEvents.size()> totals_{};
  std::uint64_t snapshot_page_ = kNoPage;
};

}  // namespace axvm::riscv64
