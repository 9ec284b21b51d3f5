#pragma once
// The physical CPUs, and what they ask of each other.

#include <array>
#include <atomic>
#include <axvm/address.hpp>
#include <axvm/function_ref.hpp>
#include <core/arch/aarch64/arch.hpp>
#include <core/vcpu/per_cpu.hpp>
#include <cstddef>
#include <hal-el2/board.hpp>
#include <hal-el2/cpu.hpp>
#include <utility>

namespace axvm::hal_el2 {

class Cpus {
 public:
  using PerCpu = axvm::PerCpu<Cpu>;

  Cpus() : Cpus(std::make_index_sequence<kMaxCpus>()) {}

  /// The CPU that runs this code.
  [[nodiscard]] static unsigned current() noexcept;
  [[nodiscard]] PerCpu& per_cpu() noexcept { return slots_[current()].per_cpu; }
  [[nodiscard]] Cpu& hardware() noexcept { return slots_[current()].cpu; }
  /// Of all of them: Cpu::fp_loads().
  [[nodiscard]] std::uint64_t fp_loads() const noexcept {
    std::uint64_t sum = 0;
    for (const Slot& slot : slots_) sum += slot.cpu.fp_loads();
    return sum;
  }

  /// CPUs that run this image: 0 to count() - 1.
  [[nodiscard]] unsigned count() const noexcept { return count_.load(std::memory_order_acquire); }
  /// Starts more of them, up to `wanted` in all, or as many as the board has. The boot CPU does.
  void start(unsigned wanted);
  /// There is something to do for the others.
  void release() noexcept { released_.store(true, std::memory_order_release); }
  /// On the others: until release().
  void wait_for_release() const noexcept;

  /// Carries `task` out on a CPU, outside its guest, and returns when it is done. Meanwhile serves
  /// what is asked of this one.
  void call_on(unsigned cpu, FunctionRef<void()> task);
  /// Carries out what another CPU waits for, if one does.
  void serve();

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

}  // namespace axvm::hal_el2
