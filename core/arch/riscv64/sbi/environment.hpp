#pragma once
// What every group of SBI calls works with, and how a call is answered.

#include <axvm/exit.hpp>
#include <axvm/vcpu.hpp>
#include <core/arch/riscv64/exception.hpp>
#include <core/arch/riscv64/guest_memory.hpp>
#include <core/arch/riscv64/hal.hpp>
#include <core/arch/riscv64/interrupts.hpp>
#include <core/arch/riscv64/performance_counters.hpp>
#include <core/arch/riscv64/sbi/hart_mask.hpp>
#include <core/arch/riscv64/sbi/sbi.hpp>
#include <core/arch/riscv64/trap_report.hpp>
#include <core/arch/riscv64/vcpu_context.hpp>
#include <core/vm/trap_outcome.hpp>
#include <cstdint>

namespace axvm::riscv64::sbi {

/// The vCPU that calls is loaded in `cpu`; its sepc is behind the call.
template <class Vm, VirtualizationHardware U>
struct Environment {
  Vm& vm;
  typename Vm::VCpuType& vcpu;
  U& cpu;
  GuestInterrupts<Vm, U>& interrupts;
  GuestMemory<Vm, U>& memory;
  TrapReport<Vm, U>& report;
  ExitSlot exit;

  TrapOutcome answer(const Call& call, Status status, std::uint64_t value = 0) {
    cpu.set_gpr(kA0, to_register(status));
    cpu.set_gpr(kA1, value);
    tell(call, to_register(status));
    return kGoOn;
  }
  TrapOutcome answer(const Call& call, std::uint64_t value) {
    return answer(call, Status::Success, value);
  }
  TrapOutcome not_supported(const Call& call) { return answer(call, Status::NotSupported); }
  /// The one value of a legacy call.
  TrapOutcome answer_legacy(const Call& call, std::uint64_t result) {
    cpu.set_gpr(kA0, result);
    tell(call, result);
    return kGoOn;
  }

  /// A call that does not return, or whose answer is in its registers.
  void tell(const Call& call, std::uint64_t result) {
    report.call(to_string(call), call.number(), {call.a[0], call.a[1], call.a[2]}, result);
  }

  void count(FirmwareEvent event) { vcpu.context().counters().count(event); }
  /// Once for each other hart of the mask, and once there, unless it is stopped.
  void count_sent(FirmwareEvent sent, const HartMask& harts) {
    vcpu.context().counters().count(sent, harts.count_others(vm, vcpu.phys_id()));
    harts.for_each(vm, [&](auto& target) {
      if (&target == &vcpu || target.power() != PowerState::On) return;
      target.interrupts().received().add(sent);
    });
  }

  /// Whether the guest may write to the page at `gpa`, which is backed then. Errors: NoMemory.
  Result<bool> may_write(GuestPhysAddr gpa) { return memory.back(gpa, MappingFlags::Write); }

  /// Where a hart may begin: at an instruction in memory.
  [[nodiscard]] bool is_entry_point(std::uint64_t entry) {
    return entry % 2 == 0 && vm.is_memory(GuestPhysAddr(entry));
  }

  /// Waits for an interrupt with all context lost but what may bring it; the guest goes on at
  /// `entry` with `argument` in a1.
  TrapOutcome suspend_to(std::uint64_t entry, std::uint64_t argument) {
    auto& halt = exit.template make<exit_reason::Halt>();
    if (!interrupts.wait(halt)) halt.wake_time = 0;
    vcpu.interrupts().suspend();
    vcpu.residence()->unload();
    vcpu.context().wake_at(GuestPhysAddr(entry), argument);
    return TrapOutcome::Leave;
  }

  TrapOutcome power_down(const Call& call, bool reset) {
    tell(call, 0);
    vm.begin_shutdown();
    return exit.leave(exit_reason::SystemDown{reset});
  }
};

}  // namespace axvm::riscv64::sbi
