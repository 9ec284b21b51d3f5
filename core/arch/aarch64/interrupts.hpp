#pragma once
// Interrupts between the hardware, the VMM and the vCPU that is loaded.

#include <axvm/exit.hpp>
#include <core/arch/aarch64/control.hpp>
#include <core/arch/aarch64/cpu_interface.hpp>
#include <core/arch/aarch64/hal.hpp>
#include <core/arch/aarch64/registers.hpp>
#include <core/arch/aarch64/timer.hpp>
#include <cstdint>
#include <optional>

namespace axvm::aarch64 {

/// A physical timer interrupt stands for the virtual one of the vCPU whose timer raised it: it
/// stays active on the CPU ("forwarded") until the guest has ended the virtual one, so that the
/// timer, whose interrupt is level-sensitive, does not fire again meanwhile. When the vCPU leaves
/// the CPU, the CPU ends it; the timer raises it anew when the vCPU is back.
template <class Vm, VirtualizationHardware U>
class GuestInterrupts {
 public:
  GuestInterrupts(Vm& vm, typename Vm::VCpuType& vcpu, U& cpu) noexcept
      : vm_(vm), vcpu_(vcpu), cpu_(cpu) {}

  /// Before the guest is entered: its IRQ line is up exactly while something is to be taken.
  void present() {
    if (!interface().take_changed()) [[likely]]
      return;
    const std::uint64_t now = cpu_.template read<SysReg::HCR_EL2>();
    const std::uint64_t next = interface().signals() ? now | hcr::VI : now & ~hcr::VI;
    if (next != now) cpu_.template write<SysReg::HCR_EL2>(next);
  }

  /// True when the physical interrupt, which is active, was the guest's.
  bool forward(std::uint32_t intid) {
    if (!is_timer_interrupt(intid)) return false;
    vcpu_.residence()->forward(intid);
    if (vm_.emulates_interrupts() && !interface().is_active(intid)) interface().set_pending(intid);
    return true;
  }

  /// False when a waiting vCPU need not wait. `halt`, fresh, says what it waits for.
  bool wait(exit_reason::Halt& halt) {
    drop_timers();
    if (interface().signals()) return false;
    if (!vm_.emulates_interrupts()) return true;
    for (const std::uint32_t intid : kTimerIntids) {
      if (vcpu_.residence()->is_forwarded(intid)) continue;  // it has come, and is not wanted
      const auto deadline = timer_deadline(cpu_, intid);
      if (deadline && (!halt.wake_time || *deadline < *halt.wake_time)) halt.wake_time = deadline;
    }
    return true;
  }

  /// A guest's access to a register of the CPU interface; nothing when it has none such.
  std::optional<std::uint64_t> read(IccRegister reg) {
    if (!vm_.emulates_interrupts()) return std::nullopt;
    if (reg == IccRegister::Iar1 || reg == IccRegister::Hppir1) drop_timers();
    return interface().read(reg);
  }
  /// False when it has none such.
  bool write(IccRegister reg, std::uint64_t value) {
    if (!vm_.emulates_interrupts()) return false;
    const auto written = interface().write(reg, value);
    if (!written) return false;
    if (written->deactivated) end(*written->deactivated);
    if (written->sgi) {
      vm_.send_interrupt(written->sgi->intid, [&](const auto& target) {
        return written->sgi->reaches(target.phys_id(), target.id() == vcpu_.id());
      });
    }
    return true;
  }

 private:
  CpuInterface& interface() noexcept { return vcpu_.interrupts(); }

  void end(std::uint32_t intid) {
    if (vcpu_.residence()->take_forwarded(intid)) vm_.end_irq(intid);
  }

  /// Takes back what timers do not assert any more.
  void drop_timers() {
    for (const std::uint32_t intid : kTimerIntids) {
      const bool came = vcpu_.residence()->is_forwarded(intid) && interface().is_pending(intid);
      if (!came || timer_asserts(cpu_, intid)) continue;
      interface().clear_pending(intid);
      end(intid);
    }
  }

  Vm& vm_;
  typename Vm::VCpuType& vcpu_;
  U& cpu_;
};

}  // namespace axvm::aarch64
