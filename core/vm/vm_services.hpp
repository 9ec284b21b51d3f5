#pragma once
// What the trap handlers of an architecture may ask of the VM.

#include <atomic>
#include <axvm/address.hpp>
#include <axvm/config.hpp>
#include <axvm/event.hpp>
#include <axvm/hal.hpp>
#include <axvm/memory.hpp>
#include <axvm/result.hpp>
#include <core/devices/bus.hpp>
#include <core/memory/address_space.hpp>
#include <core/vcpu/per_cpu.hpp>
#include <core/vm/vm_base.hpp>
#include <core/vm/vm_builder.hpp>
#include <cstdint>

namespace axvm {

/// Holds a lock of the HAL for the length of a scope.
template <class Lock>
class LockGuard {
 public:
  explicit LockGuard(Lock& lock) : lock_(lock) { lock_.lock(); }
  LockGuard(const LockGuard&) = delete;
  LockGuard& operator=(const LockGuard&) = delete;
  ~LockGuard() { lock_.unlock(); }

 private:
  Lock& lock_;
};

template <VmHal H, class U>
class VmServices {
 public:
  using Arch = typename U::Arch;
  using Tlb = typename Arch::template Tlb<U>;
  using Space = AddressSpace<typename Arch::Stage2Format, H>;
  using VCpuType = VCpu<U>;

  /// `parts` is the VM's and outlives this.
  VmServices(H& hal, VmParts<H, U>& parts) noexcept : hal_(hal), parts_(parts) {}
  VmServices(const VmServices&) = delete;
  VmServices& operator=(const VmServices&) = delete;

  [[nodiscard]] H& hal() noexcept { return hal_; }
  [[nodiscard]] VmId id() const noexcept { return parts_.id; }
  [[nodiscard]] DeviceBus& mmio() noexcept { return parts_.mmio; }
  [[nodiscard]] DeviceBus& sysregs() noexcept { return parts_.sysregs; }

  /// The vCPU that the guest knows by `phys_id`; null when there is none.
  [[nodiscard]] VCpuType* find_vcpu(std::uint64_t phys_id) noexcept {
    for (VCpuType& vcpu : parts_.vcpus) {
      if (vcpu.phys_id() == phys_id) return &vcpu;
    }
    return nullptr;
  }

  // --- guest memory -------------------------------------------------------------------------

  /// Calls `f(space, tlb)` under the address space's lock. TLB maintenance is by this CPU.
  template <class F>
  decltype(auto) with_memory(U& cpu, F&& f) {
    LockGuard guard(memory_lock_);
    Tlb tlb(cpu, parts_.controls);
    return f(parts_.space, tlb);
  }
  template <class F>
  decltype(auto) with_memory(F&& f) {
    return with_memory(hal_.this_cpu().hardware(), std::forward<F>(f));
  }
  Result<PageFaultOutcome> handle_page_fault(U& cpu, GuestPhysAddr gpa, MappingFlags access) {
    return with_memory(
        cpu, [&](Space& space, Tlb& tlb) { return space.handle_page_fault(gpa, access, tlb); });
  }
  /// Whether the guest has memory at `gpa`, touched or not.
  [[nodiscard]] bool is_memory(GuestPhysAddr gpa) {
    return with_memory([&](Space& space, Tlb&) { return space.is_memory({gpa, 1}); });
  }

  // --- the host -----------------------------------------------------------------------------

  [[nodiscard]] std::uint32_t acknowledge_irq() { return hal_.acknowledge_irq(); }
  [[nodiscard]] bool wants_events() { return hal_.wants_events(); }
  void emit(const Event& event) { hal_.event(event); }
  /// A vCPU entered a state of its life.
  void report_state(VcpuId vcpu, std::string_view state) {
    if (wants_events()) emit(StateChanged{id(), vcpu, true, state});
  }
  /// The VM did.
  void report_state(std::string_view state) {
    if (wants_events()) emit(StateChanged{id(), {}, false, state});
  }

  // --- life cycle ---------------------------------------------------------------------------

  [[nodiscard]] VmStatus status() const noexcept {
    return static_cast<VmStatus>(status_.load(std::memory_order_acquire));
  }
  /// `from` -> `to`, for one caller only. False, and nothing changed, from another status.
  bool change_status(VmStatus from, VmStatus to) {
    auto expected = static_cast<std::uint32_t>(from);
    if (!status_.compare_exchange_strong(expected, static_cast<std::uint32_t>(to))) return false;
    report_state(to_string(to));
    return true;
  }
  /// Ready or Running -> Stopping. False when it is Stopping already.
  bool begin_shutdown() {
    if (!change_status(VmStatus::Running, VmStatus::Stopping) &&
        !change_status(VmStatus::Ready, VmStatus::Stopping)) {
      return false;
    }
    const PcpuId here = hal_.current_pcpu();
    for (VCpuType& vcpu : parts_.vcpus) {
      const PerCpu<U>* cpu = vcpu.residence();
      if (vcpu.state().state() == VCpuState::Running && cpu != nullptr && cpu->id() != here) {
        hal_.kick(cpu->id());
      }
    }
    return true;
  }

  void describe(StateVisitor& visitor) {
    std::uint64_t status = status_.load(std::memory_order_relaxed);
    visitor.field("status"sv, status);
    status_.store(static_cast<std::uint32_t>(status), std::memory_order_relaxed);
    for (VCpuType& vcpu : parts_.vcpus) {
      visitor.enter("vcpu"sv, vcpu.id().value);
      vcpu.describe(visitor);
      visitor.leave();
    }
  }

 private:
  H& hal_;
  VmParts<H, U>& parts_;
  typename H::Lock memory_lock_;
  std::atomic<std::uint32_t> status_{static_cast<std::uint32_t>(VmStatus::Ready)};
};

}  // namespace axvm
