#pragma once
// Who may run: a VM's status, carried over to its vCPUs.

#include <axvm/address.hpp>
#include <axvm/event.hpp>
#include <axvm/hal.hpp>
#include <axvm/memory.hpp>
#include <axvm/result.hpp>
#include <axvm/state.hpp>
#include <axvm/vm.hpp>
#include <core/lock.hpp>
#include <core/vcpu/per_cpu.hpp>
#include <core/vm/lifecycle.hpp>

namespace axvm {

/// Steps come from any CPU. One that has to wait for vCPUs inside the guest kicks them and returns;
/// whichever CPU leaves the guest last completes it.
template <VmHal H, class U>
class RunControl {
 public:
  /// `vcpus` outlive this while the VM is not destroyed.
  RunControl(H& hal, VmId vm, Array<VCpu<U>>& vcpus) noexcept
      : hal_(hal), vm_(vm), vcpus_(vcpus), lock_(hal, LockRank::Vm) {}

  [[nodiscard]] VmStatus status() const noexcept { return lifecycle_.status(); }
  [[nodiscard]] VmStopReason stop_reason() const noexcept { return lifecycle_.stop_reason(); }

  /// Errors: BadState, and nothing changed.
  Result<> take(VmStep step) {
    LockGuard guard(lock_);
    return carry_out(lifecycle_.take(step));
  }
  Result<> stop(VmStopReason reason) {
    LockGuard guard(lock_);
    return carry_out(lifecycle_.stop(reason));
  }

  /// A vCPU, not Running any more, has left the guest.
  void left_guest() {
    if (status() == VmStatus::Running) [[likely]]
      return;
    LockGuard guard(lock_);
    settle();
  }

  /// Makes the vCPU leave the guest soon, if it is inside on another CPU.
  void kick(const VCpu<U>& vcpu) {
    const PerCpu<U>* cpu = vcpu.residence();
    const bool inside = vcpu.state().state() == VCpuState::Running && cpu != nullptr;
    if (inside && cpu->id() != hal_.current_pcpu()) hal_.kick(cpu->id());
  }

  /// Tells the status to whoever listens.
  void report() {
    if (hal_.wants_events()) hal_.event(StateChanged{vm_, {}, false, to_string(status())});
  }

  void describe(StateVisitor& visitor) { lifecycle_.describe(visitor); }

 private:
  Result<> carry_out(const Result<bool>& taken) {
    if (!taken) return std::unexpected(taken.error());
    if (!*taken) return {};
    report();
    if (status() == VmStatus::Pausing || status() == VmStatus::Stopping) {
      for (const VCpu<U>& vcpu : vcpus_) kick(vcpu);
    }
    settle();
    return {};
  }

  void finish(VmStep step) {
    if (lifecycle_.take(step)) report();
  }

  void settle() {
    bool none_inside = true;
    switch (status()) {
      case VmStatus::Running:
        for (VCpu<U>& vcpu : vcpus_) static_cast<void>(vcpu.state().unblock());
        return;
      case VmStatus::Pausing:
        for (VCpu<U>& vcpu : vcpus_) {
          static_cast<void>(vcpu.state().block());
          none_inside &= vcpu.state().state() == VCpuState::Blocked;
        }
        if (none_inside) finish(VmStep::FinishPause);
        return;
      case VmStatus::Stopping:
        for (VCpu<U>& vcpu : vcpus_) {
          static_cast<void>(vcpu.state().unblock());
          none_inside &= vcpu.state().state() != VCpuState::Running;
        }
        if (none_inside) finish(VmStep::FinishStop);
        return;
      default: return;
    }
  }

  H& hal_;
  VmId vm_;
  Array<VCpu<U>>& vcpus_;
  typename H::Lock lock_;
  VmLifecycle lifecycle_;
};

}  // namespace axvm
