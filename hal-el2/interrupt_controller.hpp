#pragma once
// The board's GICv3 (IHI 0069) or GICv2 for one CPU: which interrupts reach EL2, and their two
// ends.

#include <cstdint>

namespace axvm::hal_el2 {

/// The one that CPUs send each other.
inline constexpr std::uint32_t kCpuIntid = 0;
/// Private interrupts that the board wires to the CPU's timers (BSA, PPI assignments).
inline constexpr std::uint32_t kHypervisorTimerIntid = 26;

/// INTIDs from here on are answers without an interrupt (IHI 0069, 2.2.1).
inline constexpr std::uint32_t kFirstSpecialIntid = 1020;

/// Private interrupts that are wanted, one bit each: kCpuIntid, that of the list registers (25),
/// and those of EL2's and the guest's timers.
inline constexpr std::uint32_t kPrivateInterrupts =
    1U << kCpuIntid | 1U << 25 | 1U << kHypervisorTimerIntid | 1U << 27 | 1U << 30;

/// Whether the board has a GICv2: its CPUs have no registers of a GICv3 (ID_AA64PFR0_EL1.GIC).
[[nodiscard]] bool has_gic_v2();

/// The part that all CPUs share: once, before enable_interrupts().
void enable_distributor();
/// Lets kPrivateInterrupts through to CPU `cpu`, which runs this, with an end in two steps.
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
