#pragma once
// Interrupts between the hardware, the VM's interrupt controller and the vCPU that is loaded.

#include <array>
#include <axvm/exit.hpp>
#include <core/arch/aarch64/control.hpp>
#include <core/arch/aarch64/gic/gic.hpp>
#include <core/arch/aarch64/gic/list_register_file.hpp>
#include <core/arch/aarch64/gic/sgi.hpp>
#include <core/arch/aarch64/hal.hpp>
#include <core/arch/aarch64/registers.hpp>
#include <core/arch/aarch64/timer.hpp>
#include <cstdint>
#include <optional>

namespace axvm::aarch64 {

/// The physical interrupt by which list registers ask for attention (BSA, PPI assignments).
inline constexpr std::uint32_t kMaintenanceIntid = 25;

/// Tells the VM's interrupt controller what the guest has done about its interrupts. The vCPU is
/// resident in `cpu`; what `end(intid)` is called for, the guest has ended together with the
/// physical one.
template <VirtualizationHardware U, class F>
void fold_list_registers(U& cpu, VcpuInterface& interface, F&& end) {
  Gic& gic = *interface.gic();
  const unsigned count = gic.lent_count(interface.index());
  if (count == 0) return;
  ListRegisters held;
  for (unsigned n = 0; n < count; ++n) held.add(ListRegister(read_list_register(cpu, n)));
  const std::uint64_t control = cpu.template read<SysReg::ICH_HCR_EL2>();
  std::uint32_t ended = gic.fold(interface.index(), held, ich::ended_unlisted(control));
  for (const std::uint32_t intid : kTimerIntids) {
    if (((ended >> intid) & 1) == 0) continue;
    gic.set_private_line(interface.index(), intid, false);
    end(intid);
  }
}

/// A physical timer interrupt stands for the virtual one of the vCPU whose timer raised it: it
/// stays active on the CPU ("forwarded") until the guest has ended the virtual one, so that the
/// timer, whose interrupt is level-sensitive, does not fire again meanwhile. The list register sees
/// to that by itself. When the vCPU leaves the CPU, the CPU ends it; the timer raises it anew when
/// the vCPU is back.
template <class Vm, VirtualizationHardware U>
class GuestInterrupts {
 public:
  GuestInterrupts(Vm& vm, typename Vm::VCpuType& vcpu, U& cpu) noexcept
      : vm_(vm), vcpu_(vcpu), cpu_(cpu) {}

  /// Before the guest is entered: list registers hold what comes next.
  void present() {
    if (!interface().take_changed() && !timer_withdrawn()) [[likely]]
      return;
    if (vm_.emulates_interrupts()) refill();
  }

  /// Before anybody looks at the controller's registers: it knows what list registers held, and
  /// they hold nothing until the guest is entered.
  void synchronize() {
    if (!vm_.emulates_interrupts()) return;
    const unsigned held = gic().lent_count(index());
    fold();
    for (unsigned n = 0; n < held; ++n) write_list_register(cpu_, n, 0);
    interface().mark_changed();
  }

  /// True when the physical interrupt, which is active, was for the guest or about it.
  bool forward(std::uint32_t intid) {
    if (intid == kMaintenanceIntid) {
      interface().mark_changed();
      vm_.end_irq(intid);
      return true;
    }
    if (!is_timer_interrupt(intid)) return false;
    synchronize();  // the guest has ended the one before, or it would not come again
    vcpu_.residence()->forward(intid);
    if (vm_.emulates_interrupts()) gic().set_private_line(index(), intid, true);
    return true;
  }

  /// False when a waiting vCPU need not wait. `halt`, fresh, says what it waits for.
  bool wait(exit_reason::Halt& halt) {
    if (!vm_.emulates_interrupts()) return true;
    if (interface().changed()) return false;
    // What the list registers held did not end the wait; what they hold now may.
    if (gic().lent_count(index()) != 0 && refill()) return false;
    for (const std::uint32_t intid : kTimerIntids) {
      if (vcpu_.residence()->is_forwarded(intid)) continue;  // it has come, and is not wanted
      const auto deadline = timer_deadline(cpu_, intid);
      if (deadline && (!halt.wake_time || *deadline < *halt.wake_time)) halt.wake_time = deadline;
    }
    return true;
  }

  /// The guest has written ICC_SGI1R_EL1 or ICC_SGI0R_EL1.
  void send(const SgiRequest& request, bool group1) {
    gic().send(index(), request, group1);
    vm_.deliver_wakes();
  }

 private:
  VcpuInterface& interface() noexcept { return vcpu_.interrupts(); }
  Gic& gic() noexcept { return *interface().gic(); }
  [[nodiscard]] unsigned index() noexcept { return interface().index(); }

  void fold() {
    fold_list_registers(cpu_, interface(), [this](std::uint32_t intid) {
      static_cast<void>(vcpu_.residence()->take_forwarded(intid));
    });
  }

  /// A timer has interrupted, and does not assert its interrupt any more.
  bool timer_withdrawn() {
    const std::uint32_t forwarded = vcpu_.residence()->forwarded();
    if (forwarded == 0) [[likely]]
      return false;
    for (const std::uint32_t intid : kTimerIntids) {
      if (((forwarded >> intid) & 1) != 0 && !timer_asserts(cpu_, intid)) return true;
    }
    return false;
  }

  /// Takes back what timers do not assert any more and the guest has not acknowledged.
  void drop_timers() {
    for (const std::uint32_t intid : kTimerIntids) {
      if (!vcpu_.residence()->is_forwarded(intid)) continue;
      const bool active = ((gic().active_private(index()) >> intid) & 1) != 0;
      if (active || timer_asserts(cpu_, intid)) continue;
      gic().set_private_line(index(), intid, false);
      if (vcpu_.residence()->take_forwarded(intid)) vm_.end_irq(intid);
    }
  }

  /// True when an interrupt waits in a list register now that did not before.
  bool refill() {
    const unsigned before = gic().lent_count(index());
    std::array<std::uint64_t, kMaxListRegisters> held{};
    for (unsigned n = 0; n < before; ++n) held[n] = read_list_register(cpu_, n);
    fold();
    drop_timers();
    static_cast<void>(interface().take_changed());  // by ourselves
    const unsigned capacity = list_register_count(cpu_.template read<SysReg::ICH_VTR_EL2>());
    const ListRegisters next = gic().fill(index(), capacity, vcpu_.residence()->forwarded());
    bool news = false;
    for (unsigned n = 0; n < next.count; ++n) {
      write_list_register(cpu_, n, next.entries[n].encode());
      news |= next.entries[n].pending && !waits_in(held, before, next.entries[n].intid);
    }
    for (unsigned n = next.count; n < before; ++n) write_list_register(cpu_, n, 0);
    cpu_.template write<SysReg::ICH_HCR_EL2>(next.more ? ich::En | ich::UIE | ich::LRENPIE
                                                       : ich::En);
    return news;
  }

  static bool waits_in(const std::array<std::uint64_t, kMaxListRegisters>& held, unsigned count,
                       std::uint32_t intid) noexcept {
    for (unsigned n = 0; n < count; ++n) {
      const ListRegister entry(held[n]);
      if (entry.intid == intid && entry.pending) return true;
    }
    return false;
  }

  Vm& vm_;
  typename Vm::VCpuType& vcpu_;
  U& cpu_;
};

}  // namespace axvm::aarch64
