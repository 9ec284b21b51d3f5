#pragma once
// The counter, and EL2's own timer (DDI 0487 D11): one shot, by the physical count.

#include <cstdint>

namespace axvm::hal_el2 {

/// Since the board began, by the physical counter.
[[nodiscard]] std::uint64_t now_ns();

/// kHypervisorTimerIntid is asserted from `ns` on (as now_ns() counts), until stop_timer().
void start_timer(std::uint64_t ns);
void stop_timer();
/// start_timer(), unless it is asserted sooner anyway.
void start_timer_no_later(std::uint64_t ns);

/// Sleeps until an interrupt is pending. Interrupts are masked at EL2: it is not taken.
void wait_for_interrupt();

}  // namespace axvm::hal_el2
