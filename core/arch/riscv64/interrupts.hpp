#pragma once
// Interrupts between the VM's interrupt controller, other vCPUs and the vCPU that is loaded. Its
// timer needs nobody (Sstc).

#include <axvm/exit.hpp>
#include <core/arch/riscv64/csr.hpp>
#include <core/arch/riscv64/hal.hpp>
#include <core/arch/riscv64/vcpu_interrupts.hpp>
#include <core/ticks.hpp>
#include <cstdint>

namespace axvm::riscv64 {

/// When the guest's timer will interrupt it, as VmHal::monotonic_nanoseconds counts, which counts
/// the time CSR.
template <VirtualizationHardware U>
[[nodiscard]] std::uint64_t timer_deadline(U& cpu) {
  return nanoseconds_of(cpu.template read<Csr::vstimecmp>(), cpu.timebase_frequency());
}

template <class Vm, VirtualizationHardware U>
class GuestInterrupts {
 public:
  GuestInterrupts(Vm& vm, typename Vm::VCpuType& vcpu, U& cpu) noexcept
      : vm_(vm), vcpu_(vcpu), cpu_(cpu) {}

  /// Before the guest is entered: hvip says what has come. A software interrupt is the guest's to
  /// clear, the external one follows the controller.
  void present() {
    if (!vcpu_.interrupts().take_changed()) [[likely]]
      return;
    std::uint64_t pending = cpu_.template read<Csr::hvip>() & ~interrupt::kVsExternal;
    if (vcpu_.interrupts().take_software()) pending |= interrupt::kVsSoftware;
    if (vcpu_.interrupts().external()) pending |= interrupt::kVsExternal;
    cpu_.template write<Csr::hvip>(pending);
  }

  /// False when a waiting vCPU need not wait. `halt`, fresh, says what it waits for. Interrupts
  /// that are enabled one by one end the wait, whether or not they are enabled all together
  /// ("Wait for Interrupt").
  bool wait(exit_reason::Halt& halt) {
    present();
    const std::uint64_t enabled = cpu_.template read<Csr::hie>();
    if ((cpu_.template read<Csr::hip>() & enabled) != 0) return false;
    if ((enabled & interrupt::kVsTimer) != 0) halt.wake_time = timer_deadline(cpu_);
    return true;
  }

  /// Another hart's software interrupt, from this one.
  void send_software(typename Vm::VCpuType& target) {
    target.interrupts().send_software();
    vm_.notify(target);
  }

 private:
  Vm& vm_;
  typename Vm::VCpuType& vcpu_;
  U& cpu_;
};

}  // namespace axvm::riscv64
