#pragma once
// The physical CPUs, and what they ask of each other.

#include <array>
#include <atomic>
#include <axvm/address.hpp>
#include <axvm/function_ref.hpp>
#include <core/vcpu/per_cpu.hpp>
#include <cstddef>
#include <cstdint>
#include <hal-metal/platform.hpp>
#include <utility>

namespace axvm::hal_metal {

/// `Cpu` is the virtualization hardware of the CPU that this code runs on.
template <class Cpu>
class Cpus {
 public:
  using PerCpu = axvm::PerCpu<Cpu>;

  Cpus() : Cpus(std::make_index_sequence<kMaxCpus>()) {}

  [[nodiscard]] PerCpu& per_cpu() noexcept { return slots_[current_cpu()].per_cpu; }
  [[nodiscard]] Cpu& hardware() noexcept { return slots_[current_cpu()].cpu; }
  /// How often guests' use of them has brought FP registers into CPUs; 0 where they are always
  /// there.
  [[nodiscard]] std::uint64_t fp_loads() const noexcept {
    std::uint64_t sum = 0;
    if constexpr (requires(const Cpu& cpu) { cpu.fp_loads(); }) {
      for (const Slot& slot : slots_) sum += slot.cpu.fp_loads();
    }
    return sum;
  }

  /// CPUs that run this image: 0 to count() - 1.
  [[nodiscard]] unsigned count() const noexcept { return count_.load(std::memory_order_acquire); }
  /// Starts more of them, up to `wanted` in all, or as many as the board has. The boot CPU does.
  void start(unsigned wanted) {
    unsigned count = 1;
    while (count < wanted && count < kMaxCpus && start_cpu(count)) ++count;
    count_.store(count, std::memory_order_release);
  }
  /// There is something to do for the others.
  void release() noexcept { released_.store(true, std::memory_order_release); }
  /// On the others: until release().
  void wait_for_release() const noexcept {
    while (!released_.load(std::memory_order_acquire)) {
    }
  }

  /// Carries `task` out on a CPU, outside its guest, and returns when it is done. Meanwhile serves
  /// what is asked of this one.
  void call_on(unsigned cpu, FunctionRef<void()> task) {
    if (cpu == current_cpu()) return task();
    if (cpu >= count()) return;
    Call call{.task = task};
    Call* free = nullptr;
    while (!slots_[cpu].call.compare_exchange_weak(free, &call, std::memory_order_acq_rel)) {
      free = nullptr;
      serve();
    }
    interrupt_cpu(cpu);
    while (!call.done.load(std::memory_order_acquire)) serve();
  }
  /// Carries out what another CPU waits for, if one does.
  void serve() {
    std::atomic<Call*>& waiting = slots_[current_cpu()].call;
    Call* const call = waiting.load(std::memory_order_acquire);
    if (call == nullptr) return;
    call->task();
    waiting.store(nullptr, std::memory_order_release);
    call->done.store(true, std::memory_order_release);
  }

 private:
  struct Call {
    FunctionRef<void()> task;
    std::atomic<bool> done = false;
  };
  struct Slot {
    explicit Slot(unsigned index) : per_cpu(PcpuId(index), cpu) {}

    Cpu cpu;
    PerCpu per_cpu;
    std::atomic<Call*> call = nullptr;
  };

  template <std::size_t... I>
  explicit Cpus(std::index_sequence<I...>) : slots_{Slot(I)...} {}

  std::array<Slot, kMaxCpus> slots_;
  std::atomic<unsigned> count_ = 1;
  std::atomic<bool> released_ = false;
};

}  // namespace axvm::hal_metal
