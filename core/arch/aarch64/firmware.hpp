#pragma once
// What the layer above the guest answers: PSCI, the SMC Calling Convention, hypercalls.

#include <array>
#include <axvm/address.hpp>
#include <axvm/exit.hpp>
#include <axvm/vcpu.hpp>
#include <core/arch/aarch64/hal.hpp>
#include <core/arch/aarch64/interrupts.hpp>
#include <core/arch/aarch64/psci.hpp>
#include <core/arch/aarch64/trap_report.hpp>
#include <core/vm/hypercalls.hpp>
#include <core/vm/trap_outcome.hpp>
#include <cstdint>

namespace axvm::aarch64 {

/// One call of the vCPU that is loaded in `cpu`; the guest's return address is behind the call.
/// SMC reaches firmware only, HVC the VMM's own calls, too.
template <class Vm, VirtualizationHardware U>
class FirmwareCalls {
 public:
  FirmwareCalls(Vm& vm, typename Vm::VCpuType& vcpu, U& cpu, GuestInterrupts<Vm, U>& interrupts,
                TrapReport<Vm, U>& report, ExitSlot exit) noexcept
      : vm_(vm), vcpu_(vcpu), cpu_(cpu), interrupts_(interrupts), report_(report), exit_(exit) {}

  TrapOutcome hvc() {
    const std::uint64_t number = cpu_.gpr(0);
    return number < kHypercallCount ? hypercall(static_cast<Hypercall>(number)) : smc();
  }

  TrapOutcome smc() {
    using enum psci::Function;
    const psci::Call call = read_call();
    switch (call.function) {
      case SmcccVersion: return answer(call, psci::kSmcccVersion_1_1);
      case SmcccArchFeatures: return answer(call, arch_features(call));
      case Version: return answer(call, psci::kVersion_1_1);
      case Features: return answer(call, features(call));
      case MigrateInfoType: return answer(call, psci::kNoTrustedOs);
      case AffinityInfo: return answer(call, affinity_info(call));
      case CpuOn: return cpu_on(call);
      case CpuOff: return cpu_off(call);
      case CpuSuspend: return cpu_suspend(call);
      case CpuDefaultSuspend: return power_down(call, call.arguments[0], call.arguments[1]);
      case SystemSuspend: return system_suspend(call);
      case SystemOff: return system_down(call, false);
      case SystemReset: return system_down(call, true);
      case SystemReset2: return system_reset2(call);
      default: return answer(call, psci::Status::NotSupported);
    }
  }

 private:
  /// Reads the arguments only if somebody looks at them.
  psci::Call read_call() {
    const std::uint64_t id = cpu_.gpr(0);
    const psci::Function function = psci::function_of(static_cast<std::uint32_t>(id));
    if (!psci::takes_arguments(function) && !report_.wanted()) return {id, 0, 0, 0};
    return {id, cpu_.gpr(1), cpu_.gpr(2), cpu_.gpr(3)};
  }

  TrapOutcome hypercall(Hypercall number) {
    const std::array x{cpu_.gpr(1), cpu_.gpr(2), cpu_.gpr(3), cpu_.gpr(4)};
    const HypercallStatus status = Hypercalls(vm_, vcpu_.id()).handle(number, x);
    const auto result = static_cast<std::uint64_t>(status);
    cpu_.set_gpr(0, result);
    report_.call(to_string(number), static_cast<std::uint64_t>(number), {x[0], x[1], x[2]}, result);
    if (number != Hypercall::HypervisorDisable || status != HypercallStatus::Success) return kGoOn;
    vm_.begin_shutdown();
    return exit_.leave(exit_reason::SystemDown{false});
  }

  void tell(const psci::Call& call, std::uint64_t result) {
    report_.call(psci::to_string(call.function), call.id, call.arguments, result);
  }
  TrapOutcome answer(const psci::Call& call, std::uint64_t result) {
    cpu_.set_gpr(0, result);
    tell(call, result);
    return kGoOn;
  }
  TrapOutcome answer(const psci::Call& call, psci::Status status) {
    return answer(call, psci::to_register(status));
  }

  static psci::Status success_if(bool supported) {
    return supported ? psci::Status::Success : psci::Status::NotSupported;
  }
  /// CPU_SUSPEND's answer, 0, also means: original format of power_state, platform-coordinated.
  static std::uint64_t features(const psci::Call& call) {
    const auto asked = psci::function_of(static_cast<std::uint32_t>(call.arguments[0]));
    return psci::to_register(success_if(psci::is_supported(asked)));
  }
  static std::uint64_t arch_features(const psci::Call& call) {
    const auto asked = psci::function_of(static_cast<std::uint32_t>(call.arguments[0]));
    return psci::to_register(success_if(asked == psci::Function::SmcccVersion ||
                                        asked == psci::Function::SmcccArchFeatures));
  }

  /// 0: on, 1: off, 2: on pending. Above level 0: on if any vCPU of the group is.
  std::uint64_t affinity_info(const psci::Call& call) {
    const auto [target, level, unused] = call.arguments;
    bool found = false;
    bool pending = false;
    if (level <= psci::kMaxAffinityLevel && (target & ~psci::affinity_mask(0)) == 0) {
      const std::uint64_t mask = psci::affinity_mask(level);
      for (const auto& vcpu : vm_.vcpus()) {
        if (((vcpu.phys_id() ^ target) & mask) != 0) continue;
        if (vcpu.power() == PowerState::On) return 0;
        found = true;
        pending |= vcpu.power() == PowerState::OnPending;
      }
    }
    if (!found) return psci::to_register(psci::Status::InvalidParameters);
    return pending ? 2 : 1;
  }

  /// Where a CPU may begin: at an instruction in memory.
  bool is_entry_point(std::uint64_t entry) {
    return entry % 4 == 0 && vm_.is_memory(GuestPhysAddr(entry));
  }

  TrapOutcome cpu_on(const psci::Call& call) {
    const auto [affinity, entry, context_id] = call.arguments;
    auto* target = vm_.find_vcpu(affinity);
    if (target == nullptr) return answer(call, psci::Status::InvalidParameters);
    if (!is_entry_point(entry)) return answer(call, psci::Status::InvalidAddress);
    if (!target->claim_power_on()) {
      return answer(call, target->power() == PowerState::On ? psci::Status::AlreadyOn
                                                            : psci::Status::OnPending);
    }
    target->context().reset(GuestPhysAddr(entry), context_id);
    target->power_on();
    static_cast<void>(answer(call, psci::Status::Success));
    vm_.report_state(target->id(), to_string(PowerState::On));
    return exit_.leave(exit_reason::CpuUp{target->id()});
  }

  TrapOutcome cpu_off(const psci::Call& call) {
    tell(call, 0);
    vcpu_.residence()->forget();  // CPU_ON starts it afresh
    vcpu_.power_off();
    vm_.report_state(vcpu_.id(), to_string(PowerState::Off));
    return exit_.leave(exit_reason::CpuDown{});
  }

  TrapOutcome cpu_suspend(const psci::Call& call) {
    const psci::PowerStateArgument state(call.arguments[0]);
    if (!state.valid) return answer(call, psci::Status::InvalidParameters);
    if (state.power_down) return power_down(call, call.arguments[1], call.arguments[2]);
    static_cast<void>(answer(call, psci::Status::Success));
    const bool waits = interrupts_.wait(exit_.template make<exit_reason::Halt>());
    return waits ? TrapOutcome::Leave : kGoOn;
  }

  /// Waits for an interrupt with all context lost but the timer that may bring it.
  TrapOutcome power_down(const psci::Call& call, std::uint64_t entry, std::uint64_t context_id) {
    if (!is_entry_point(entry)) return answer(call, psci::Status::InvalidAddress);
    tell(call, psci::to_register(psci::Status::Success));
    auto& halt = exit_.template make<exit_reason::Halt>();
    if (!interrupts_.wait(halt)) halt.wake_time = 0;
    vcpu_.residence()->unload();
    vcpu_.context().wake_at(GuestPhysAddr(entry), context_id);
    return TrapOutcome::Leave;
  }

  TrapOutcome system_suspend(const psci::Call& call) {
    for (const auto& vcpu : vm_.vcpus()) {
      if (vcpu.id() != vcpu_.id() && vcpu.power() != PowerState::Off) {
        return answer(call, psci::Status::Denied);
      }
    }
    return power_down(call, call.arguments[0], call.arguments[1]);
  }

  TrapOutcome system_reset2(const psci::Call& call) {
    const auto type = static_cast<std::uint32_t>(call.arguments[0]);
    if (type != psci::kSystemWarmReset) return answer(call, psci::Status::InvalidParameters);
    return system_down(call, true);
  }

  TrapOutcome system_down(const psci::Call& call, bool reset) {
    tell(call, 0);
    vm_.begin_shutdown();
    return exit_.leave(exit_reason::SystemDown{reset});
  }

  Vm& vm_;
  typename Vm::VCpuType& vcpu_;
  U& cpu_;
  GuestInterrupts<Vm, U>& interrupts_;
  TrapReport<Vm, U>& report_;
  ExitSlot exit_;
};

}  // namespace axvm::aarch64
