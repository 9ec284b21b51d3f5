#pragma once
// The board's GICv3 (IHI 0069) or GICv2 for one CPU: which interrupts reach EL2. They end in two
// steps: acknowledging one drops its priority at once, ending it deactivates it.

#include <cstdint>

namespace axvm::hal_el2 {

/// The one that CPUs send each other.
inline constexpr std::uint32_t kCpuIntid = 0;
/// Private interrupts that the board wires to the CPU's timers (BSA, PPI assignments).
inline constexpr std::uint32_t kHypervisorTimerIntid = 26;

/// Private interrupts that are wanted, one bit each: kCpuIntid, that of the list registers (25),
/// and those of EL2's and the guest's timers.
inline constexpr std::uint32_t kPrivateInterrupts =
    1U << kCpuIntid | 1U << 25 | 1U << kHypervisorTimerIntid | 1U << 27 | 1U << 30;

/// Whether the board has a GICv2: its CPUs have no registers of a GICv3 (ID_AA64PFR0_EL1.GIC).
[[nodiscard]] bool has_gic_v2();

}  // namespace axvm::hal_el2
