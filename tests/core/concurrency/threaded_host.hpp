#pragma once
// The fake host for real threads: each is a physical CPU of its own.

#include <array>
#include <atomic>
#include <axvm/hal.hpp>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <tests/core/fake_host.hpp>
#include <thread>
#include <utility>
#include <vector>

namespace axvm::test {

/// What CPUs of any architecture have for threads: somebody else's kick, and the interrupt by which
/// their guest was left.
class KickableCpu {
 public:
  static constexpr std::uint32_t kNone = 1023;

  /// Is a guest running here?
  [[nodiscard]] bool is_inside() const { return inside_.load(); }
  /// What a guest without end asks between two of its instructions.
  [[nodiscard]] bool take_kick() { return kicked_.load() && kicked_.exchange(false); }

  // --- below the core -------------------------------------------------------------------------
  void kick() { kicked_.store(true); }
  std::uint32_t take_pending() { return std::exchange(pending_, kNone); }

 protected:
  void set_pending(std::uint32_t intid) { pending_ = intid; }
  /// `run()` while others see that a guest is inside.
  template <class F>
  auto while_inside(const F& run) {
    inside_.store(true);
    const auto trap = run();
    inside_.store(false);
    return trap;
  }

 private:
  std::atomic<bool> kicked_ = false;
  std::atomic<bool> inside_ = false;
  std::uint32_t pending_ = kNone;
};

/// `Cpu` is the hardware of one CPU, and kickable.
template <class Cpu>
class ThreadedHost {
 public:
  using PerCpu = axvm::PerCpu<Cpu>;
  using Memory = FakeHost<Cpu>;

  /// Spins, as on metal. Aborts when it is taken out of order.
  class Lock {
   public:
    Lock(ThreadedHost&, LockRank rank) : bit_(1U << static_cast<unsigned>(rank)) {}
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
  explicit ThreadedHost(unsigned cpus, std::size_t frames = 2048) : memory_(frames) {
    for (unsigned n = 0; n < cpus; ++n) {
      slots_.push_back(std::make_unique<Slot>(n));
      if (!slots_.back()->per_cpu.hardware_enable()) std::abort();
    }
    here = 0;
  }

  // --- VmHal ----------------------------------------------------------------------------------
  std::optional<HostPhysAddr> allocate_frame() { return under_lock(&Memory::allocate_frame); }
  void deallocate_frame(HostPhysAddr hpa) { under_lock(&Memory::deallocate_frame, hpa); }
  std::optional<HostPhysAddr> allocate_frames(std::size_t count, std::size_t alignment) {
    return under_lock(&Memory::allocate_frames, count, alignment);
  }
  void deallocate_frames(HostPhysAddr base, std::size_t count) {
    under_lock(&Memory::deallocate_frames, base, count);
  }
  bool allocate_range(HostPhysAddr hpa, std::size_t size) {
    return under_lock(&Memory::allocate_range, hpa, size);
  }
  void deallocate_range(HostPhysAddr hpa, std::size_t size) {
    under_lock(&Memory::deallocate_range, hpa, size);
  }
  void zero_range(HostPhysAddr hpa, std::size_t size) {
    under_lock(&Memory::zero_range, hpa, size);
  }
  void* allocate(std::size_t size, std::size_t alignment) {
    return under_lock(&Memory::allocate, size, alignment);
  }
  void deallocate(void* p, std::size_t size, std::size_t alignment) {
    under_lock(&Memory::deallocate, p, size, alignment);
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
  IvcHub<ThreadedHost>& ivc() { return ivc_; }
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
  [[nodiscard]] Cpu& cpu(unsigned n) { return slots_[n]->cpu; }
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
    Cpu cpu;
    PerCpu per_cpu;
    std::atomic<Call*> call = nullptr;
    std::atomic<bool> has_thread = false;
  };

  template <class R, class... P, class... A>
  R under_lock(R (Memory::*operation)(P...), A... arguments) {
    const std::lock_guard guard(mutex_);
    return (memory_.*operation)(arguments...);
  }

  static inline thread_local unsigned here = 0;
  static inline thread_local unsigned held = 0;  ///< ranks of locks, one bit each

  std::mutex mutex_;
  Memory memory_;
  std::vector<std::unique_ptr<Slot>> slots_;
  std::atomic<std::uint64_t> woken_ = 0;
  IvcHub<ThreadedHost> ivc_{*this};
};

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

/// Waits until `done()`, serving other CPUs. False when that takes longer than any machine needs.
template <class Cpu, class F>
[[nodiscard]] bool wait_until(ThreadedHost<Cpu>& host, F&& done) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  while (!done()) {
    if (std::chrono::steady_clock::now() > end) return false;
    host.serve();
  }
  return true;
}

}  // namespace axvm::test
