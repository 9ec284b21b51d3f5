#pragma once
// SBI's hart states ("Hart State Management Extension").

#include <axvm/vcpu.hpp>
#include <core/arch/riscv64/sbi/environment.hpp>
#include <cstdint>

namespace axvm::riscv64::sbi {

[[nodiscard]] constexpr hsm::HartState hart_state(PowerState power, bool suspended) noexcept {
  switch (power) {
    case PowerState::On: return suspended ? hsm::HartState::Suspended : hsm::HartState::Started;
    case PowerState::OnPending: return hsm::HartState::StartPending;
    case PowerState::Off: break;
  }
  return hsm::HartState::Stopped;
}

template <class Vm, VirtualizationHardware U>
TrapOutcome hart_start(Environment<Vm, U>& environment, const Call& call) {
  const std::uint64_t entry = call.a[1];
  auto* target = environment.vm.find_vcpu(call.a[0]);
  if (target == nullptr) return environment.answer(call, Status::InvalidParam);
  if (!environment.is_entry_point(entry)) return environment.answer(call, Status::InvalidAddress);
  if (!target->claim_power_on()) return environment.answer(call, Status::AlreadyAvailable);
  target->context().reset(GuestPhysAddr(entry), call.a[2]);
  target->power_on();
  static_cast<void>(environment.answer(call, Status::Success));
  environment.vm.report_state(target->id(), to_string(PowerState::On));
  return environment.exit.leave(exit_reason::CpuUp{target->id()});
}

template <class Vm, VirtualizationHardware U>
TrapOutcome hart_stop(Environment<Vm, U>& environment, const Call& call) {
  environment.tell(call, 0);
  environment.vcpu.residence()->forget();  // hart_start starts it afresh
  environment.vcpu.power_off();
  environment.vm.report_state(environment.vcpu.id(), to_string(PowerState::Off));
  return environment.exit.leave(exit_reason::CpuDown{});
}

template <class Vm, VirtualizationHardware U>
TrapOutcome hart_get_status(Environment<Vm, U>& environment, const Call& call) {
  auto* target = environment.vm.find_vcpu(call.a[0]);
  if (target == nullptr) return environment.answer(call, Status::InvalidParam);
  return environment.answer(call, static_cast<std::uint64_t>(hart_state(
                                      target->power(), target->interrupts().is_suspended())));
}

/// Suspend types have 32 bits; those between the two defaults and the platforms' are reserved.
template <class Vm, VirtualizationHardware U>
TrapOutcome hart_suspend(Environment<Vm, U>& environment, const Call& call) {
  constexpr std::uint64_t kFirstPlatformType = 0x1000'0000;
  const std::uint64_t type = call.a[0] & 0xffff'ffff;
  const std::uint64_t kind = type & ~hsm::kNonRetentive;
  if (kind != 0 && kind < kFirstPlatformType) {
    return environment.answer(call, Status::InvalidParam);
  }
  if (kind != 0) return environment.not_supported(call);
  if (type == hsm::kRetentive) {
    static_cast<void>(environment.answer(call, Status::Success));
    const bool waits =
        environment.interrupts.wait(environment.exit.template make<exit_reason::Halt>());
    if (!waits) return kGoOn;
    environment.vcpu.interrupts().suspend();
    return TrapOutcome::Leave;
  }
  if (!environment.is_entry_point(call.a[1])) {
    return environment.answer(call, Status::InvalidAddress);
  }
  environment.tell(call, 0);
  return environment.suspend_to(call.a[1], call.a[2]);
}

template <class Vm, VirtualizationHardware U>
TrapOutcome hsm_call(Environment<Vm, U>& environment, const Call& call) {
  switch (call.function) {
    case hsm::kHartStart: return hart_start(environment, call);
    case hsm::kHartStop: return hart_stop(environment, call);
    case hsm::kHartGetStatus: return hart_get_status(environment, call);
    case hsm::kHartSuspend: return hart_suspend(environment, call);
    default: return environment.not_supported(call);
  }
}

}  // namespace axvm::riscv64::sbi
