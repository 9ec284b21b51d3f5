#pragma once
// SBI's software interrupts to other harts ("IPI Extension").

#include <axvm/vcpu.hpp>
#include <core/arch/riscv64/sbi/environment.hpp>
#include <core/arch/riscv64/sbi/hart_mask.hpp>

namespace axvm::riscv64::sbi {

/// Harts that are stopped get none.
template <class Vm, VirtualizationHardware U>
Status send_ipi(Environment<Vm, U>& environment, const HartMask& harts) {
  if (!harts.is_valid(environment.vm)) return Status::InvalidParam;
  // First: who takes the interrupt finds it counted.
  environment.count_sent(FirmwareEvent::IpiSent, harts);
  harts.for_each(environment.vm, [&](auto& target) {
    if (target.power() == PowerState::On) environment.interrupts.send_software(target);
  });
  return Status::Success;
}

template <class Vm, VirtualizationHardware U>
TrapOutcome ipi_call(Environment<Vm, U>& environment, const Call& call) {
  if (call.function != ipi::kSendIpi) return environment.not_supported(call);
  return environment.answer(call, send_ipi(environment, {call.a[0], call.a[1]}));
}

}  // namespace axvm::riscv64::sbi
