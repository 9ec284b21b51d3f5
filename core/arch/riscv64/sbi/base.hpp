#pragma once
// SBI's base extension, and its timer: calls that are about the caller only.

#include <core/arch/riscv64/sbi/environment.hpp>

namespace axvm::riscv64::sbi {

/// "Base Extension".
template <class Vm, VirtualizationHardware U>
TrapOutcome base_call(Environment<Vm, U>& environment, const Call& call) {
  switch (call.function) {
    case base::kGetSpecVersion: return environment.answer(call, kVersion_2_0);
    case base::kGetImplId: return environment.answer(call, kImplementationId);
    case base::kGetImplVersion: return environment.answer(call, kImplementationVersion);
    case base::kProbeExtension:
      return environment.answer(call, std::uint64_t{is_supported(Extension{call.a[0]})});
    // 0 is legal, and says nothing of the host.
    case base::kGetMvendorid:
    case base::kGetMarchid:
    case base::kGetMimpid: return environment.answer(call, std::uint64_t{0});
    default: return environment.not_supported(call);
  }
}

/// Sets the guest's timer as its own stimecmp would. That clears the interrupt, too, unless the
/// time has come already.
template <class Vm, VirtualizationHardware U>
void set_timer(Environment<Vm, U>& environment, std::uint64_t deadline) {
  environment.cpu.template write<Csr::vstimecmp>(deadline);
  environment.count(FirmwareEvent::SetTimer);
}

/// "Timer Extension".
template <class Vm, VirtualizationHardware U>
TrapOutcome time_call(Environment<Vm, U>& environment, const Call& call) {
  if (call.function != time::kSetTimer) return environment.not_supported(call);
  set_timer(environment, call.a[0]);
  return environment.answer(call, Status::Success);
}

}  // namespace axvm::riscv64::sbi
