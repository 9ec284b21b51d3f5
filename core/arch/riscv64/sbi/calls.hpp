#pragma once
// Environment calls of guests: SBI's, and the VMM's own.

#include <axvm/exit.hpp>
#include <core/arch/riscv64/sbi/base.hpp>
#include <core/arch/riscv64/sbi/debug_console.hpp>
#include <core/arch/riscv64/sbi/environment.hpp>
#include <core/arch/riscv64/sbi/hsm.hpp>
#include <core/arch/riscv64/sbi/ipi.hpp>
#include <core/arch/riscv64/sbi/legacy.hpp>
#include <core/arch/riscv64/sbi/pmu.hpp>
#include <core/arch/riscv64/sbi/rfence.hpp>
#include <core/arch/riscv64/sbi/steal_time.hpp>
#include <core/arch/riscv64/sbi/system.hpp>
#include <core/vm/hypercalls.hpp>
#include <cstdint>

namespace axvm::riscv64::sbi {

/// One call of the vCPU that is loaded.
template <class Vm, VirtualizationHardware U>
class Calls {
 public:
  explicit Calls(const Environment<Vm, U>& environment) noexcept : environment_(environment) {}

  TrapOutcome handle() {
    const Call call = read();
    if (is_legacy(call.extension)) return LegacyCalls(environment_).handle(call);
    switch (call.extension) {
      case Extension::Base: return base_call(environment_, call);
      case Extension::Time: return time_call(environment_, call);
      case Extension::Ipi: return ipi_call(environment_, call);
      case Extension::Rfence: return rfence_call(environment_, call);
      case Extension::Hsm: return hsm_call(environment_, call);
      case Extension::SystemReset: return reset_call(environment_, call);
      case Extension::SystemSuspend: return suspend_call(environment_, call);
      case Extension::StealTime: return steal_time_call(environment_, call);
      case Extension::DebugConsole: return DebugConsole(environment_).handle(call);
      case Extension::Pmu: return PmuCalls(environment_).handle(call);
      case Extension::Hypercall: return hypercall(call);
      default: return environment_.not_supported(call);
    }
  }

 private:
  [[nodiscard]] Call read() {
    const U& cpu = environment_.cpu;
    Call call{.extension = Extension{cpu.gpr(17)}};
    if (!is_legacy(call.extension)) call.function = cpu.gpr(16);
    for (unsigned n = 0; n < call.a.size(); ++n) call.a[n] = cpu.gpr(kA0 + n);
    return call;
  }

  /// a0..a3 are its arguments, and a0 its result.
  TrapOutcome hypercall(const Call& call) {
    HypercallStatus status = HypercallStatus::NotSupported;
    const auto number = static_cast<axvm::Hypercall>(call.function);
    if (call.function < kHypercallCount) {
      status = Hypercalls(environment_.vm, environment_.vcpu.id())
                   .handle(number, {call.a[0], call.a[1], call.a[2], call.a[3]});
    }
    static_cast<void>(environment_.answer_legacy(call, static_cast<std::uint64_t>(status)));
    const bool ends = call.function < kHypercallCount &&
                      number == axvm::Hypercall::HypervisorDisable &&
                      status == HypercallStatus::Success;
    if (!ends) return kGoOn;
    environment_.vm.begin_shutdown();
    return environment_.exit.leave(exit_reason::SystemDown{false});
  }

  Environment<Vm, U> environment_;
};

}  // namespace axvm::riscv64::sbi
