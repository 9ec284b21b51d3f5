#pragma once
// The core's HAL over the simulated machine, as far as it is the same for every architecture.

#include <array>
#include <axvm/hal.hpp>
#include <core/vm/vm_base.hpp>
#include <cstdint>
#include <functional>
#include <hal-sim/host/choices.hpp>
#include <hal-sim/host/console_port.hpp>
#include <hal-sim/memory/frame_allocator.hpp>
#include <hal-sim/trace/trace.hpp>
#include <map>
#include <memory>
#include <optional>
#include <sim/machine.hpp>
#include <string_view>
#include <vector>

namespace axvm::hal_sim {

class SimHal;

/// One host thread runs everything: a lock is never contended. What would be a deadlock on some
/// machine, a second lock() or one out of order, ends the run with a report.
class CheckedLock {
 public:
  CheckedLock(SimHal& hal, LockRank rank) noexcept : hal_(hal), rank_(rank) {}
  CheckedLock(const CheckedLock&) = delete;
  CheckedLock& operator=(const CheckedLock&) = delete;

  void lock();
  void unlock();

 private:
  SimHal& hal_;
  LockRank rank_;
  std::optional<unsigned> holder_;  // pCPU
};

/// Synchronous exits seen so far, for the summary of a run. Observation only.
struct ExitCounts {
  /// By the architecture's number of their cause. AArch64: ESR_EL2.EC. RISC-V: scause.
  std::array<std::uint64_t, 64> by_class{};
};

/// Each architecture's HAL (ArchHal) adds what depends on the type of a CPU.
class SimHal {
 public:
  using Lock = CheckedLock;
  using Logger = std::function<void(LogLevel, std::string_view)>;

  virtual ~SimHal();
  SimHal(const SimHal&) = delete;
  SimHal& operator=(const SimHal&) = delete;

  // --- axvm::VmHal, but for PerCpu, this_cpu, ivc, and physical interrupts ---------------------
  std::optional<HostPhysAddr> allocate_frame();
  void deallocate_frame(HostPhysAddr frame);
  std::optional<HostPhysAddr> allocate_frames(std::size_t count, std::size_t alignment);
  void deallocate_frames(HostPhysAddr base, std::size_t count);
  bool allocate_range(HostPhysAddr base, std::size_t size);
  void deallocate_range(HostPhysAddr base, std::size_t size);
  void zero_range(HostPhysAddr base, std::size_t size) { machine_.memory().zero(base.value, size); }

  std::optional<HostPhysRange> ram_after(HostPhysAddr a);
  HostVirtAddr phys_to_virt(HostPhysAddr a) {
    return HostVirtAddr(reinterpret_cast<std::uintptr_t>(machine_.memory().at(a.value)));
  }
  HostPhysAddr virt_to_phys(HostVirtAddr a);

  void* allocate(std::size_t size, std::size_t alignment);
  void deallocate(void* p, std::size_t size, std::size_t alignment);

  std::uint64_t monotonic_nanoseconds();
  PcpuId current_pcpu() { return PcpuId(current_); }
  /// pCPUs take turns: no other one is inside its guest now.
  void kick(PcpuId) {}
  void wake(VmId vm, VcpuId vcpu) {
    if (waker_) waker_(vm, vcpu);
  }
  void call_on(PcpuId pcpu, FunctionRef<void()> task);

  void console_write(VmId vm, std::uint8_t byte) { console(vm).write(byte); }
  std::optional<std::uint8_t> console_read(VmId vm);

  DeviceBackend backend(VmId vm, std::size_t device) { return backends_[{vm.value, device}]; }

  void log(LogLevel level, std::string_view text) {
    if (logger_) logger_(level, text);
  }
  bool wants_events() { return trace_.active(); }
  bool wants_tables() { return trace_.shows_tables(); }

  // --- for the host ---------------------------------------------------------------------------
  /// Ranks of the locks that each pCPU holds, one bit each.
  [[nodiscard]] unsigned& locks_held_by(unsigned pcpu) noexcept { return locks_held_[pcpu]; }
  /// The CPU on which the VMM's code runs from now on.
  void run_on(unsigned pcpu) { current_ = pcpu; }
  [[nodiscard]] unsigned running_on() const noexcept { return current_; }
  /// Prepares the CPU that the VMM runs on for guests. Errors: as PerCpu::hardware_enable.
  virtual Result<> enable_cpu() = 0;
  /// As AxVM::create.
  virtual Result<Ref<VmBase>> create_vm(const VmConfig& config) = 0;
  /// The channels between VMs.
  virtual IvcRegistry& channels() = 0;
  [[nodiscard]] virtual const ExitCounts& exits(unsigned pcpu) const = 0;
  /// The instruction at a guest-virtual address as the pCPU's guest sees it, from its low bytes
  /// up; nothing when it sees none there. Changes nothing.
  [[nodiscard]] virtual std::optional<std::uint32_t> instruction_at(unsigned pcpu,
                                                                    std::uint64_t va) = 0;
  /// What the VMM knows of its CPUs.
  virtual void describe_cpus(StateVisitor& visitor) = 0;
  [[nodiscard]] ConsolePort& console(VmId vm) { return consoles_[vm.value]; }
  [[nodiscard]] FrameAllocator& frames() noexcept { return frames_; }
  [[nodiscard]] sim::Machine& machine() noexcept { return machine_; }
  /// What a VM's emulated device will find behind it. To be said before the VM is made.
  void set_backend(VmId vm, std::size_t device, const DeviceBackend& backend) {
    backends_[{vm.value, device}] = backend;
  }
  /// Called when a vCPU has something to do.
  using Waker = std::function<void(VmId, VcpuId)>;
  void set_waker(Waker waker) { waker_ = std::move(waker); }
  void set_logger(Logger logger) { logger_ = std::move(logger); }
  /// Bytes of the VMM's own objects now.
  [[nodiscard]] std::uint64_t allocated_bytes() const noexcept { return allocated_bytes_; }
  /// Requests for memory of the VMM's own so far.
  [[nodiscard]] std::uint64_t allocations() const noexcept { return allocations_; }

 protected:
  /// All outlive the HAL.
  SimHal(sim::Machine& machine, Choices& choices, Trace& trace);
  [[nodiscard]] Trace& trace() noexcept { return trace_; }

 private:
  sim::Machine& machine_;
  Choices& choices_;
  Trace& trace_;
  FrameAllocator frames_;
  std::map<std::uint32_t, ConsolePort> consoles_;                            // by VM id
  std::map<std::pair<std::uint32_t, std::size_t>, DeviceBackend> backends_;  // by VM and device
  Logger logger_;
  Waker waker_;
  unsigned current_ = 0;
  std::vector<unsigned> locks_held_;
  std::uint64_t allocated_bytes_ = 0;
  std::uint64_t allocations_ = 0;
};

}  // namespace axvm::hal_sim
