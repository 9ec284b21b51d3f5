#pragma once
// SBI's calls about the whole VM ("System Reset Extension", "System Suspend Extension").

#include <axvm/vcpu.hpp>
#include <core/arch/riscv64/sbi/environment.hpp>
#include <cstdint>

namespace axvm::riscv64::sbi {

/// Types and reasons have 32 bits; a vendor's types are not ours.
template <class Vm, VirtualizationHardware U>
TrapOutcome reset_call(Environment<Vm, U>& environment, const Call& call) {
  if (call.function != reset::kSystemReset) return environment.not_supported(call);
  const std::uint64_t type = call.a[0] & 0xffff'ffff;
  const std::uint64_t reason = call.a[1] & 0xffff'ffff;
  if (type >= reset::kFirstVendorType) return environment.not_supported(call);
  const bool is_reserved = reason > reset::kLastReason && reason < reset::kFirstVendorReason;
  if (type > reset::kWarmReboot || is_reserved) {
    return environment.answer(call, Status::InvalidParam);
  }
  return environment.power_down(call, type != reset::kShutdown);
}

/// Every other hart has to be stopped.
template <class Vm, VirtualizationHardware U>
TrapOutcome suspend_call(Environment<Vm, U>& environment, const Call& call) {
  if (call.function != suspend::kSystemSuspend) return environment.not_supported(call);
  const std::uint64_t type = call.a[0] & 0xffff'ffff;
  if (type >= suspend::kFirstVendorType) return environment.not_supported(call);
  if (type != suspend::kToRam) return environment.answer(call, Status::InvalidParam);
  if (!environment.is_entry_point(call.a[1])) {
    return environment.answer(call, Status::InvalidAddress);
  }
  for (const auto& vcpu : environment.vm.vcpus()) {
    if (vcpu.id() != environment.vcpu.id() && vcpu.power() != PowerState::Off) {
      return environment.answer(call, Status::Denied);
    }
  }
  environment.tell(call, 0);
  return environment.suspend_to(call.a[1], call.a[2]);
}

}  // namespace axvm::riscv64::sbi
