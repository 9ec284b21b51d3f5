#pragma once
// The board's GICv3 for one CPU (IHI 0069): which interrupts reach EL2, and their two ends.

#include <cstdint>

namespace axvm::hal_el2 {

/// The one that CPUs send each other.
inline constexpr std::uint32_t kCpuIntid = 0;
/// Private interrupts that the board wires to the CPU's timers (BSA, PPI assignments).
inline constexpr std::uint32_t kHypervisorTimerIntid = 26;

/// INTIDs from here on are answers without an interrupt (IHI 0069, 2.2.1).
inline constexpr std::uint32_t kFirstSpecialIntid = 1020;

/// The part that all CPUs share: once, before enable_interrupts().
void enable_distributor();
/// Lets the timers' interrupts, the one of the list registers and kCpuIntid through to CPU `cpu`,
/// which runs this, as group 1, with an end in two steps.
void enable_interrupts(unsigned cpu);
/// Makes a CPU leave its guest, or its sleep.
void interrupt_cpu(unsigned cpu);

/// The pending interrupt becomes active, its priority is dropped at once; kFirstSpecialIntid or
/// above when there is none.
[[nodiscard]] std::uint32_t acknowledge_interrupt();
/// What acknowledge_interrupt() would answer.
[[nodiscard]] std::uint32_t pending_interrupt();
/// Deactivates it.
void end_interrupt(std::uint32_t intid);

}  // namespace axvm::hal_el2
