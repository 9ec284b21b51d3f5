#pragma once
// The fake HAL for real threads: each is a physical CPU of its own. A guest is a function that runs
// until it traps, or until somebody kicks its CPU.

#include <array>
#include <atomic>
#include <axvm/hal.hpp>
#include <cstdint>
#include <cstdlib>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <tests/core/fake_hal.hpp>
#include <thread>
#include <vector>

namespace axvm::test {

class ThreadedCpu : public FakeCpu {
 public:
  using Guest = std::function<Vector(ThreadedCpu&)>;
  static constexpr std::uint32_t kKick = 7;
  static constexpr std::uint32_t kMaintenance = 25;

  ThreadedCpu() { set(SysReg::ICH_VTR_EL2, 3); }  // four list registers

  Vector enter_guest() {
    if (take_kick()) return interrupt(kKick);
    inside_.store(true);
    const Vector vector = guest ? guest(*this) : interrupt(kKick);
    inside_.store(false);
    return vector;
  }
  /// Is a guest running here?
  [[nodiscard]] bool is_inside() const { return inside_.load(); }

  // --- for guests ---------------------------------------------------------------------------
  /// What a guest without end asks between two of its instructions.
  [[nodiscard]] bool take_kick() { return kicked_.load() && kicked_.exchange(false); }
  Vector interrupt(std::uint32_t intid) {
    pending_ = intid;
    return Vector::Irq;
  }
  Vector trap(std::uint64_t esr, std::uint64_t address = 0) {
    set(SysReg::ESR_EL2, esr);
    set(SysReg::FAR_EL2, address);
    set(SysReg::HPFAR_EL2, (address >> 12) << 4);
    return Vector::Synchronous;
  }
  Vector hvc(std::span<const std::uint64_t> x) {
    for (unsigned n = 0; n < x.size(); ++n) set_gpr(n, x[n]);
    return trap(0x16ULL << 26 | 1ULL << 25);
  }
  /// A translation fault at level 3, without a syndrome of the instruction.
  Vector touch(std::uint64_t address, bool writes) {
    return trap(0x24ULL << 26 | 1ULL << 25 | (writes ? 1ULL << 6 : 0) | 7, address);
  }
  /// A store of X1, or a load to it, at a device; 1, 4 or 8 bytes.
  Vector device(std::uint64_t address, bool writes, unsigned size, std::uint64_t value = 0) {
    const std::uint64_t log2 = size == 8 ? 3 : size == 4 ? 2 : 0;
    set_gpr(1, value);
    return trap(0x24ULL << 26 | 1ULL << 25 | 1ULL << 24 | log2 << 22 | 1ULL << 16 |
                    (size == 8 ? 1ULL << 15 : 0) | (writes ? 1ULL << 6 : 0) | 7,
                address);
  }

  // --- below the core -------------------------------------------------------------------------
  void kick() { kicked_.store(true); }
  std::uint32_t take_pending() { return std::exchange(pending_, 1023); }
  void tlbi_ipas2e1is(GuestPhysAddr) {}
  void tlbi_vmalle1is() {}
  void tlbi_vmalls12e1is() {}
  void publish_tables() {}
  void publish_data(std::span<std::byte>) {}
  void publish_instructions() {}

  Guest guest;

 private:
  std::atomic<bool> kicked_ = false;
  std::atomic<bool> inside_ = false;
  std::uint32_t pending_ = 1023;
};

class ThreadedHal {
 public:
  using PerCpu = axvm::PerCpu<ThreadedCpu>;

  /// Spins, as on metal. Aborts when it is taken out of order.
  class Lock {
   public:
    Lock(ThreadedHal&, LockRank rank) : bit_(1U << static_cast<unsigned>(rank)) {}
    void lock() {
      if (held >= bit_) std::abort();
      held |= bit_;
      while (flag_.test_and_set(std::memory_order_acquire)) std::this_thread::yield();
    }
    void unlock() {
      held &= ~bit_;
      flag_.clear(std::memory_order_release);
    }

   private:
    unsigned bit_;
    std::atomic_flag flag_;
  };

  /// This thread is CPU 0; `cpus` in all.
  explicit ThreadedHal(unsigned cpus, std::size_t frames = 2048) : memory_(frames) {
    for (unsigned n = 0; n < cpus; ++n) {
      slots_.push_back(std::make_unique<Slot>(n));
      if (!slots_.back()->per_cpu.hardware_enable()) std::abort();
    }
    here = 0;
  }

  // --- VmHal ----------------------------------------------------------------------------------
  std::optional<HostPhysAddr> allocate_frame() { return under_lock(&FakeHal::allocate_frame); }
  void deallocate_frame(HostPhysAddr hpa) { under_lock(&FakeHal::deallocate_frame, hpa); }
  std::optional<HostPhysAddr> allocate_frames(std::size_t count, std::size_t alignment) {
    return under_lock(&FakeHal::allocate_frames, count, alignment);
  }
  void deallocate_frames(HostPhysAddr base, std::size_t count) {
    under_lock(&FakeHal::deallocate_frames, base, count);
  }
  bool allocate_range(HostPhysAddr hpa, std::size_t size) {
    return under_lock(&FakeHal::allocate_range, hpa, size);
  }
  void deallocate_range(HostPhysAddr hpa, std::size_t size) {
    under_lock(&FakeHal::deallocate_range, hpa, size);
  }
  void zero_range(HostPhysAddr hpa, std::size_t size) {
    under_lock(&FakeHal::zero_range, hpa, size);
  }
  void* allocate(std::size_t size, std::size_t alignment) {
    return under_lock(&FakeHal::allocate, size, alignment);
  }
  void deallocate(void* p, std::size_t size, std::size_t alignment) {
    under_lock(&FakeHal::deallocate, p, size, alignment);
  }
  std::optional<HostPhysRange> ram_after(HostPhysAddr hpa) { return memory_.ram_after(hpa); }
  HostVirtAddr phys_to_virt(HostPhysAddr hpa) { return memory_.phys_to_virt(hpa); }
  HostPhysAddr virt_to_phys(HostVirtAddr hva) { return memory_.virt_to_phys(hva); }
  std::uint64_t monotonic_nanoseconds() { return 0; }

  PcpuId current_pcpu() { return PcpuId(here); }
  PerCpu& this_cpu() { return slots_[here]->per_cpu; }
  void kick(PcpuId cpu) { slots_[cpu.value]->cpu.kick(); }
  void wake(VmId, VcpuId vcpu) { woken_.fetch_or(1ULL << vcpu.value); }
  void call_on(PcpuId cpu, FunctionRef<void()> task) {
    if (held != 0) std::abort();
    if (cpu.value == here) return task();
    if (!slots_[cpu.value]->has_thread.load()) {
      const unsigned caller = std::exchange(here, cpu.value);
      task();
      here = caller;
      return;
    }
    Call call{task};
    Call* none = nullptr;
    while (!slots_[cpu.value]->call.compare_exchange_weak(none, &call)) {
      none = nullptr;
      serve();
    }
    kick(cpu);
    while (!call.done.load()) serve();
  }
  IvcHub<ThreadedHal>& ivc() { return ivc_; }
  std::uint32_t acknowledge_irq() { return slots_[here]->cpu.take_pending(); }
  void end_irq(std::uint32_t) {}
  void console_write(VmId, std::uint8_t byte) {
    const std::lock_guard guard(mutex_);
    output.push_back(static_cast<char>(byte));
  }
  std::optional<std::uint8_t> console_read(VmId) { return std::nullopt; }
  DeviceBackend backend(VmId, std::size_t) { return {}; }
  void log(LogLevel, std::string_view) {}
  bool wants_events() { return true; }
  bool wants_tables() { return true; }
  void event(const Event& event) {
    const auto* mapped = std::get_if<PageMapped>(&event);
    if (mapped == nullptr) return;
    const std::lock_guard guard(mutex_);
    pages.push_back(mapped->gpa.value);
  }

  // --- CPUs as their threads see them -----------------------------------------------------------
  [[nodiscard]] ThreadedCpu& cpu(unsigned n) { return slots_[n]->cpu; }
  /// Runs `work(n)` as CPU n, for each in [first, end); returns when all have. CPUs that are done
  /// carry out what others ask of them until then.
  void run(unsigned first, unsigned end, const std::function<void(unsigned)>& work) {
    std::atomic<unsigned> left = end - first;
    std::vector<std::thread> threads;
    const auto say = [&](bool has_thread) {
      for (unsigned n = first; n < end; ++n) slots_[n]->has_thread = has_thread;
      slots_[here]->has_thread = has_thread;
    };
    say(true);
    for (unsigned n = first; n < end; ++n) {
      threads.emplace_back([&, n] {
        here = n;
        work(n);
        --left;
        while (left.load() != 0) serve();
        here = 0;
      });
    }
    while (left.load() != 0) serve();
    for (std::thread& thread : threads) thread.join();
    say(false);
  }
  /// Carries out what another CPU waits for; lets other threads run.
  void serve() {
    std::this_thread::yield();
    Slot& slot = *slots_[here];
    Call* const call = slot.call.load();
    if (call == nullptr) return;
    call->task();
    slot.call.store(nullptr);
    call->done.store(true);
  }
  /// Whether the vCPU was woken since this was asked last.
  bool take_wake(VcpuId vcpu) {
    return (woken_.fetch_and(~(1ULL << vcpu.value)) >> vcpu.value & 1) != 0;
  }

  // Of threads that run none of this HAL's CPUs any more, and of tests when none runs.
  std::string output;
  std::vector<std::uint64_t> pages;  ///< that were mapped because a guest touched them

 private:
  struct Call {
    FunctionRef<void()> task;
    std::atomic<bool> done = false;
  };
  struct Slot {
    explicit Slot(unsigned n) : per_cpu(PcpuId(n), cpu) {}
    ThreadedCpu cpu;
    PerCpu per_cpu;
    std::atomic<Call*> call = nullptr;
    std::atomic<bool> has_thread = false;
  };

  template <class R, class... P, class... A>
  R under_lock(R (FakeHal::*operation)(P...), A... arguments) {
    const std::lock_guard guard(mutex_);
    return (memory_.*operation)(arguments...);
  }

  static inline thread_local unsigned here = 0;
  static inline thread_local unsigned held = 0;  ///< ranks of locks, one bit each

  std::mutex mutex_;
  FakeHal memory_;
  std::vector<std::unique_ptr<Slot>> slots_;
  std::atomic<std::uint64_t> woken_ = 0;
  IvcHub<ThreadedHal> ivc_{*this};
};
static_assert(aarch64::VirtualizationHardware<ThreadedCpu>);
static_assert(VmHal<ThreadedHal>);

using ThreadedVm = AxVM<ThreadedHal, ThreadedCpu>;

/// The same numbers in every run; what the threads make of them differs.
class Dice {
 public:
  explicit Dice(std::uint64_t seed) : state_(seed * 2 + 1) {}
  std::uint64_t below(std::uint64_t n) {
    state_ = state_ * 6364136223846793005ULL + 1442695040888963407ULL;
    return (state_ >> 33) % n;
  }

 private:
  std::uint64_t state_;
};

}  // namespace axvm::test
