#pragma once
// The timers that guests have for themselves: EL1's virtual and physical one (DDI 0487 D11.2). Each
// interrupts the hypervisor, which passes it on.

#include <array>
#include <core/arch/aarch64/hal.hpp>
#include <core/arch/aarch64/registers.hpp>
#include <core/ticks.hpp>
#include <cstdint>
#include <optional>

namespace axvm::aarch64 {

/// Private interrupts of the two timers, physical and as guests see them (BSA, PPI assignments).
inline constexpr std::uint32_t kVirtualTimerIntid = 27;
inline constexpr std::uint32_t kPhysicalTimerIntid = 30;
inline constexpr std::array kTimerIntids{kVirtualTimerIntid, kPhysicalTimerIntid};

[[nodiscard]] constexpr bool is_timer_interrupt(std::uint32_t intid) noexcept {
  return intid == kVirtualTimerIntid || intid == kPhysicalTimerIntid;
}

/// CNTx_CTL_EL0 (D24.10.3): ENABLE, IMASK, ISTATUS.
namespace timer_control {
inline constexpr std::uint64_t kEnable = 1;
inline constexpr std::uint64_t kMasked = 2;
inline constexpr std::uint64_t kMet = 4;
}  // namespace timer_control

/// CNTx_CTL_EL0 of the timer of the vCPU that is loaded. `intid` is one of kTimerIntids.
template <VirtualizationHardware U>
[[nodiscard, gnu::always_inline]] inline std::uint64_t read_timer_control(U& cpu,
                                                                          std::uint32_t intid) {
  return intid == kVirtualTimerIntid ? cpu.template read<SysReg::CNTV_CTL_EL0>()
                                     : cpu.template read<SysReg::CNTP_CTL_EL0>();
}

/// Whether the timer asserts its interrupt.
template <VirtualizationHardware U>
[[nodiscard]] bool timer_asserts(U& cpu, std::uint32_t intid) {
  using namespace timer_control;
  return (read_timer_control(cpu, intid) & (kEnable | kMasked | kMet)) == (kEnable | kMet);
}

/// When the timer will assert its interrupt, as VmHal::monotonic_nanoseconds counts, which counts
/// the physical counter; nothing when it is off or masked. Inlined, so that the result stays in
/// registers: an optional in memory is written in two pieces and read in one, which waits.
template <VirtualizationHardware U>
[[nodiscard, gnu::always_inline]] inline std::optional<std::uint64_t> timer_deadline(
    U& cpu, std::uint32_t intid) {
  using namespace timer_control;
  const std::uint64_t control = read_timer_control(cpu, intid);
  if ((control & (kEnable | kMasked)) != kEnable) return std::nullopt;
  if ((control & kMet) != 0) return 0;
  std::uint64_t ticks = 0;
  if (intid == kVirtualTimerIntid) {
    ticks = cpu.template read<SysReg::CNTV_CVAL_EL0>() + cpu.template read<SysReg::CNTVOFF_EL2>();
  } else {
    ticks = cpu.template read<SysReg::CNTP_CVAL_EL0>();
  }
  return nanoseconds_of(ticks, cpu.template read<SysReg::CNTFRQ_EL0>());
}

}  // namespace axvm::aarch64
