#pragma once
// What the trap handlers of an architecture may ask of the VM.

#include <axvm/address.hpp>
#include <axvm/config.hpp>
#include <axvm/event.hpp>
#include <axvm/hal.hpp>
#include <axvm/memory.hpp>
#include <axvm/result.hpp>
#include <core/devices/bus.hpp>
#include <core/lock.hpp>
#include <core/lowest_bit.hpp>
#include <core/memory/address_space.hpp>
#include <core/vcpu/per_cpu.hpp>
#include <core/vm/ivc_calls.hpp>
#include <core/vm/run_control.hpp>
#include <core/vm/vm_builder.hpp>
#include <cstdint>
#include <span>

namespace axvm {

template <VmHal H, class U>
class VmServices {
 public:
  using Arch = typename U::Arch;
  using Tlb = typename Arch::template Tlb<U>;
  using Space = AddressSpace<typename Arch::Stage2Format, H>;
  using VCpuType = VCpu<U>;

  /// `parts` is the VM's and outlives this.
  VmServices(H& hal, VmParts<H, U>& parts) noexcept
      : hal_(hal),
        parts_(parts),
        device_lock_(hal, LockRank::Device),
        memory_lock_(hal, LockRank::AddressSpace),
        run_control_(hal, parts.id, parts.vcpus) {}
  VmServices(const VmServices&) = delete;
  VmServices& operator=(const VmServices&) = delete;

  [[nodiscard]] H& hal() noexcept { return hal_; }
  [[nodiscard]] VmId id() const noexcept { return parts_.id; }
  [[nodiscard]] DeviceBus& mmio() noexcept { return parts_.mmio; }
  [[nodiscard]] DeviceBus& sysregs() noexcept { return parts_.sysregs; }

  // --- devices; one access at a time --------------------------------------------------------

  /// As DeviceBus::read and write, by `vcpu`.
  Result<std::uint64_t> read_device(VcpuId vcpu, const DeviceBus& bus, Device& device,
                                    std::uint64_t address, AccessWidth width) {
    LockGuard guard(device_lock_);
    device.set_accessor(vcpu);
    return bus.read(device, address, width);
  }
  Result<> write_device(VcpuId vcpu, const DeviceBus& bus, Device& device, std::uint64_t address,
                        AccessWidth width, std::uint64_t value) {
    LockGuard guard(device_lock_);
    device.set_accessor(vcpu);
    const auto written = bus.write(device, address, width, value);
    deliver_wakes();
    return written;
  }
  void poll_devices() {
    LockGuard guard(device_lock_);
    for (Box<Device>& device : parts_.devices) device->poll();
    deliver_wakes();
  }
  [[nodiscard]] std::optional<std::uint64_t> device_deadline() {
    LockGuard guard(device_lock_);
    std::optional<std::uint64_t> earliest;
    for (Box<Device>& device : parts_.devices) {
      const auto deadline = device->deadline();
      if (deadline && (!earliest || *deadline < *earliest)) earliest = deadline;
    }
    return earliest;
  }
  void reset_devices() {
    LockGuard guard(device_lock_);
    for (Box<Device>& device : parts_.devices) device->reset();
  }
  /// A device's wire to the interrupt controller, from any CPU.
  void set_line(std::uint32_t intid, bool level) {
    if (!emulates_interrupts()) return;
    parts_.interrupt_controller->set_line(intid, level);
    deliver_wakes();
  }

  /// A device's message to the interrupt controller, while the device is accessed or polled.
  Result<> send_message(std::uint32_t device, std::uint32_t event) {
    const auto sent = parts_.interrupt_controller->send_message(device, event);
    deliver_wakes();
    return sent;
  }
  /// The same from outside.
  Result<> inject_message(std::uint32_t device, std::uint32_t event) {
    LockGuard guard(device_lock_);
    return send_message(device, event);
  }

  [[nodiscard]] std::span<const VCpuType> vcpus() const noexcept { return parts_.vcpus.span(); }
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
  void end_irq(std::uint32_t intid) { hal_.end_irq(intid); }
  [[nodiscard]] bool wants_events() { return hal_.wants_events(); }
  void emit(const Event& event) { hal_.event(event); }
  /// A vCPU entered a state of its life.
  void report_state(VcpuId vcpu, std::string_view state) {
    if (wants_events()) emit(StateChanged{id(), vcpu, true, state});
  }

  // --- channels to other VMs --------------------------------------------------------------

  [[nodiscard]] const IvcWindow& ivc_window() const noexcept { return parts_.ivc_window; }
  [[nodiscard]] IvcDoorbell doorbell() noexcept { return IvcDoorbell(*this); }
  /// Another member of a channel has news.
  Result<> on_notification() {
    const std::uint32_t intid = parts_.ivc_window.interrupt_id;
    if (intid == 0 || !emulates_interrupts()) {
      return fail(ErrorKind::Unsupported, "notify"sv, "the VM takes no such interrupt"sv);
    }
    inject(VcpuId(0), intid);
    return {};
  }
  /// Gives up every channel; what the guest had mapped of them is gone.
  void leave_channels() { IvcCalls(*this).leave_all(); }

  // --- interrupts ---------------------------------------------------------------------------

  [[nodiscard]] bool emulates_interrupts() const noexcept {
    return parts_.interrupt_mode == InterruptMode::Emulated;
  }
  /// Makes an interrupt pending, from any CPU: a private one of `vcpu`, or a shared one where it is
  /// routed. `intid` < Arch::kInterruptCount.
  void inject(VcpuId vcpu, std::uint32_t intid) {
    parts_.interrupt_controller->make_pending(vcpu.value, intid);
    deliver_wakes();
  }
  /// Tells the vCPUs for which the interrupt controller has news.
  void deliver_wakes() {
    std::uint64_t wakes = parts_.interrupt_controller->take_wakes();
    for (; wakes != 0; wakes &= wakes - 1) notify(parts_.vcpus[lowest_bit(wakes)]);
  }
  /// The vCPU has news: it leaves the guest soon, or waits no longer.
  void notify(const VCpuType& vcpu) {
    run_control_.kick(vcpu);
    hal_.wake(id(), vcpu.id());
  }

  // --- life cycle ---------------------------------------------------------------------------

  [[nodiscard]] RunControl<H, U>& run_control() noexcept { return run_control_; }
  [[nodiscard]] VmStatus status() const noexcept { return run_control_.status(); }
  [[nodiscard]] VmStopReason stop_reason() const noexcept { return run_control_.stop_reason(); }
  /// The guest asked for power-off or reset.
  void begin_shutdown() { static_cast<void>(run_control_.stop(VmStopReason::SystemDown)); }

  void describe(StateVisitor& visitor) {
    visitor.enter("memory"sv, 0);
    parts_.space.describe(visitor);
    visitor.leave();
    if (visitor.restores()) {
      parts_.controls = Arch::vm_controls(hal_.this_cpu().hardware(), parts_.space.geometry(),
                                          parts_.space.root(), Vmid(id().value));
      hal_.ivc().registry().set_bell(id(), doorbell());
    }
    for (VCpuType& vcpu : parts_.vcpus) {
      visitor.enter("vcpu"sv, vcpu.id().value);
      describe_residence(vcpu, visitor);
      vcpu.describe(visitor);
      visitor.leave();
    }
    visitor.enter("interrupt_controller"sv, 0);
    parts_.interrupt_controller->describe(visitor);
    visitor.leave();
  }

 private:
  void describe_residence(VCpuType& vcpu, StateVisitor& visitor) {
    PerCpu<U>* const before = vcpu.residence();
    const std::uint64_t was = before != nullptr ? before->id().value + 1 : 0;
    std::uint64_t cpu = was;
    visitor.field("residence"sv, cpu);
    if (cpu == was) return;
    if (before != nullptr) hal_.call_on(before->id(), [&] { before->forget(vcpu); });
    if (cpu == 0) return;
    hal_.call_on(PcpuId(static_cast<std::uint32_t>(cpu - 1)), [&] { hal_.this_cpu().adopt(vcpu); });
  }

  H& hal_;
  VmParts<H, U>& parts_;
  typename H::Lock device_lock_;
  typename H::Lock memory_lock_;
  RunControl<H, U> run_control_;
};

}  // namespace axvm
