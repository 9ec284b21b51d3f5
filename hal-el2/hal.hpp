#pragma once
// core's VmHal on bare metal: QEMU's `virt` board with one CPU, at EL2, addresses mapped onto
// themselves.

#include <atomic>
#include <axvm/hal.hpp>
#include <core/arch/aarch64/arch.hpp>
#include <core/vcpu/per_cpu.hpp>
#include <core/vm/axvm.hpp>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <hal-el2/cpu.hpp>
#include <hal-el2/event_log.hpp>
#include <hal-el2/frames.hpp>
#include <hal-el2/guest.hpp>
#include <hal-el2/heap.hpp>
#include <hal-el2/interrupt_controller.hpp>
#include <hal-el2/timer.hpp>
#include <optional>
#include <span>
#include <string_view>
#include <variant>

namespace axvm::hal_el2 {

class Hal;

class SpinLock {
 public:
  SpinLock(Hal&, LockRank) noexcept {}

  void lock() {
    while (flag_.test_and_set(std::memory_order_acquire)) {
    }
  }
  void unlock() { flag_.clear(std::memory_order_release); }

 private:
  std::atomic_flag flag_;
};

class Hal {
 public:
  using PerCpu = axvm::PerCpu<Cpu>;
  using Lock = SpinLock;

  /// RAM from `first_free` on is the HAL's to give away.
  Hal(const Uart& uart, HostPhysAddr first_free)
      : uart_(uart), frames_(first_free), heap_(frames_), events_(uart) {
    enable_interrupts();
  }

  std::optional<HostPhysAddr> allocate_frame() { return frames_.allocate(1, kPageSize); }
  void deallocate_frame(HostPhysAddr frame) { frames_.release(frame, 1); }
  std::optional<HostPhysAddr> allocate_frames(std::size_t count, std::size_t alignment) {
    return frames_.allocate(count, alignment);
  }
  void deallocate_frames(HostPhysAddr base, std::size_t count) { frames_.release(base, count); }
  bool allocate_range(HostPhysAddr base, std::size_t size) { return frames_.take(base, size); }
  void deallocate_range(HostPhysAddr base, std::size_t size) {
    frames_.release(base, size / kPageSize);
  }
  void zero_range(HostPhysAddr base, std::size_t size) {
    // NOLINTNEXTLINE(performance-no-int-to-ptr): addresses are mapped onto themselves
    const std::span bytes(reinterpret_cast<std::byte*>(base.value), size);
    std::memset(bytes.data(), 0, bytes.size());
    cpu_.publish_data(bytes);
  }

  std::optional<HostPhysRange> ram_after(HostPhysAddr a) {
    if (a >= kRamBase + kRamFrames * kPageSize) return std::nullopt;
    return HostPhysRange{kRamBase, kRamFrames * kPageSize};
  }
  HostVirtAddr phys_to_virt(HostPhysAddr a) { return HostVirtAddr(a.value); }
  HostPhysAddr virt_to_phys(HostVirtAddr a) { return HostPhysAddr(a.value); }

  void* allocate(std::size_t size, std::size_t alignment) {
    return heap_.allocate(size, alignment);
  }
  void deallocate(void* p, std::size_t size, std::size_t alignment) {
    heap_.deallocate(p, size, alignment);
  }

  std::uint64_t monotonic_nanoseconds() { return now_ns(); }

  PcpuId current_pcpu() { return PcpuId(0); }
  PerCpu& this_cpu() { return per_cpu_; }
  /// The only CPU runs this code: it is not in its guest.
  void kick(PcpuId) {}
  void wake(VmId, VcpuId vcpu) { woken_ |= std::uint64_t{1} << vcpu.value; }
  /// Whether the vCPU was woken since this was asked last.
  bool take_wake(VcpuId vcpu) noexcept {
    const std::uint64_t bit = std::uint64_t{1} << vcpu.value;
    const bool was_woken = (woken_ & bit) != 0;
    woken_ &= ~bit;
    return was_woken;
  }
  void call_on(PcpuId, FunctionRef<void()> task) { task(); }

  IvcHub<Hal>& ivc() { return ivc_; }

  std::uint32_t acknowledge_irq() { return acknowledge_interrupt(); }
  void end_irq(std::uint32_t irq) { end_interrupt(irq); }

  void console_write(VmId, std::uint8_t byte) { events_.console(byte); }
  std::optional<std::uint8_t> console_read(VmId) { return uart_.get(); }
  [[nodiscard]] bool has_input() const { return uart_.has_input(); }

  DeviceBackend backend(VmId, std::size_t) { return {}; }

  void log(LogLevel level, std::string_view text) { events_.log(level, text); }
  bool wants_events() { return kTraced; }
  void event(const Event& event) { events_.event(event, is_own_interrupt(event)); }

  [[nodiscard]] EventLog& events() noexcept { return events_; }

 private:
  /// A trap by EL2's timer is no doing of the guest.
  static bool is_own_interrupt(const Event& event) {
    const auto* trap = std::get_if<TrapTaken>(&event);
    return trap != nullptr && trap->cause == static_cast<std::uint64_t>(aarch64::Vector::Irq) &&
           pending_interrupt() == kHypervisorTimerIntid;
  }

  const Uart& uart_;
  Cpu cpu_;
  PerCpu per_cpu_{PcpuId(0), cpu_};
  Frames frames_;
  Heap heap_;
  EventLog events_;
  IvcHub<Hal> ivc_{*this};
  std::uint64_t woken_ = 0;  ///< vCPUs, one bit each
};

static_assert(VmHal<Hal>);

using Vm = AxVM<Hal, Cpu>;

}  // namespace axvm::hal_el2
