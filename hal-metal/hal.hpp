#pragma once
// core's VmHal on bare metal, addresses mapped onto themselves.

#include <axvm/hal.hpp>
#include <core/vm/axvm.hpp>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <hal-metal/backends.hpp>
#include <hal-metal/cpus.hpp>
#include <hal-metal/event_log.hpp>
#include <hal-metal/frames.hpp>
#include <hal-metal/guest.hpp>
#include <hal-metal/guest_cpus.hpp>
#include <hal-metal/heap.hpp>
#include <hal-metal/platform.hpp>
#include <hal-metal/spin_lock.hpp>
#include <optional>
#include <span>
#include <string_view>
#include <variant>

namespace axvm::hal_metal {

/// A lock as the core makes it.
class HalLock : public SpinLock {
 public:
  template <class Hal>
  HalLock(Hal&, LockRank) noexcept {}
};

/// `Cpu` is as in Cpus.
template <class Cpu>
class Hal {
 public:
  /// What a guest writes is shown after so long at most, in nanoseconds.
  static constexpr std::uint64_t kShownWithin = 10'000'000;

  using PerCpu = typename Cpus<Cpu>::PerCpu;
  using Lock = HalLock;

  /// RAM from `first_free` on is the HAL's to give away.
  Hal(const Uart& uart, HostPhysAddr first_free)
      : uart_(uart), frames_(first_free), heap_(frames_), events_(uart) {}

  std::optional<HostPhysAddr> allocate_frame() { return allocate_frames(1, kPageSize); }
  void deallocate_frame(HostPhysAddr frame) { deallocate_frames(frame, 1); }
  std::optional<HostPhysAddr> allocate_frames(std::size_t count, std::size_t alignment) {
    const Holding held(memory_lock_);
    return frames_.allocate(count, alignment);
  }
  void deallocate_frames(HostPhysAddr base, std::size_t count) {
    const Holding held(memory_lock_);
    frames_.release(base, count);
  }
  bool allocate_range(HostPhysAddr base, std::size_t size) {
    const Holding held(memory_lock_);
    return frames_.take(base, size);
  }
  void deallocate_range(HostPhysAddr base, std::size_t size) {
    deallocate_frames(base, size / kPageSize);
  }
  void zero_range(HostPhysAddr base, std::size_t size) {
    // NOLINTNEXTLINE(performance-no-int-to-ptr): addresses are mapped onto themselves
    const std::span bytes(reinterpret_cast<std::byte*>(base.value), size);
    std::memset(bytes.data(), 0, bytes.size());
    cpus_.hardware().publish_data(bytes);
  }

  std::optional<HostPhysRange> ram_after(HostPhysAddr a) {
    if (a >= kRamBase + kRamFrames * kPageSize) return std::nullopt;
    return HostPhysRange{kRamBase, kRamFrames * kPageSize};
  }
  HostVirtAddr phys_to_virt(HostPhysAddr a) { return HostVirtAddr(a.value); }
  HostPhysAddr virt_to_phys(HostVirtAddr a) { return HostPhysAddr(a.value); }

  void* allocate(std::size_t size, std::size_t alignment) {
    const Holding held(memory_lock_);
    ++allocations_;
    return heap_.allocate(size, alignment);
  }
  void deallocate(void* p, std::size_t size, std::size_t alignment) {
    const Holding held(memory_lock_);
    heap_.deallocate(p, size, alignment);
  }

  /// Requests for memory of the VMM's own so far; frames for guests and their tables are none.
  [[nodiscard]] std::uint64_t allocations() {
    const Holding held(memory_lock_);
    return allocations_;
  }

  std::uint64_t monotonic_nanoseconds() { return now_ns(); }

  PcpuId current_pcpu() { return PcpuId(current_cpu()); }
  PerCpu& this_cpu() { return cpus_.per_cpu(); }
  void kick(PcpuId cpu) { interrupt_cpu(cpu.value); }
  void wake(VmId vm, VcpuId vcpu) {
    const unsigned number = guest_cpus_.number(vm, vcpu);
    guest_cpus_.wake(number);
    const unsigned cpu = guest_cpus_.cpu_of(number);
    if (cpu != current_cpu()) interrupt_cpu(cpu);
  }
  void call_on(PcpuId cpu, FunctionRef<void()> task) { cpus_.call_on(cpu.value, task); }

  [[nodiscard]] Cpus<Cpu>& cpus() noexcept { return cpus_; }
  [[nodiscard]] GuestCpus& guest_cpus() noexcept { return guest_cpus_; }

  IvcHub<Hal>& ivc() { return ivc_; }

  std::uint32_t acknowledge_irq() { return acknowledge_interrupt(); }
  void end_irq(std::uint32_t irq) { end_interrupt(irq); }

  void console_write(VmId vm, std::uint8_t byte) {
    const bool begun = events_.console(guest_cpus_.vm_index(vm), byte);
    if (begun) start_timer_no_later(now_ns() + kShownWithin);
  }
  /// What is typed is for the first VM.
  std::optional<std::uint8_t> console_read(VmId vm) {
    return guest_cpus_.vm_index(vm) == 0 ? uart_.get() : std::nullopt;
  }
  [[nodiscard]] bool has_input() const { return uart_.has_input(); }

  DeviceBackend backend(VmId vm, std::size_t device) {
    return backends_.find(guest_cpus_.vm_index(vm), device);
  }
  /// Makes what is behind the devices of kGuests[vm]. Errors: as Backends::add.
  Result<> add_backends(std::size_t vm) { return backends_.add(vm, frames_); }
  [[nodiscard]] Network& network() noexcept { return backends_.network(); }

  void log(LogLevel level, std::string_view text) { events_.log(level, text); }
  bool wants_events() { return kTraced; }
  bool wants_tables() { return kTablesTraced; }
  void event(const Event& event) {
    const auto* trap = std::get_if<TrapTaken>(&event);
    events_.event(event, trap != nullptr && is_own_interrupt(*trap));
  }

  [[nodiscard]] EventLog& events() noexcept { return events_; }

 private:
  const Uart& uart_;
  Cpus<Cpu> cpus_;
  SpinLock memory_lock_;
  Frames frames_;
  Heap heap_;
  std::uint64_t allocations_ = 0;
  EventLog events_;
  IvcHub<Hal> ivc_{*this};
  GuestCpus guest_cpus_;
  Backends backends_;
};

}  // namespace axvm::hal_metal
