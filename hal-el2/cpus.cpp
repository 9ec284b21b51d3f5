#include <hal-el2/cpus.hpp>
#include <hal-el2/interrupt_controller.hpp>
#include <hal-el2/power.hpp>

namespace axvm::hal_el2 {

unsigned Cpus::current() noexcept {
  std::uint64_t index = 0;
  asm volatile("mrs %0, tpidr_el2" : "=r"(index));
  return static_cast<unsigned>(index);
}

void Cpus::start(unsigned wanted) {
  unsigned count = 1;
  while (count < wanted && count < kMaxCpus && start_cpu(count)) ++count;
  count_.store(count, std::memory_order_release);
}

void Cpus::wait_for_release() const noexcept {
  while (!released_.load(std::memory_order_acquire)) {
  }
}

void Cpus::call_on(unsigned cpu, FunctionRef<void()> task) {
  if (cpu == current()) return task();
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

void Cpus::serve() {
  std::atomic<Call*>& waiting = slots_[current()].call;
  Call* const call = waiting.load(std::memory_order_acquire);
  if (call == nullptr) return;
  call->task();
  waiting.store(nullptr, std::memory_order_release);
  call->done.store(true, std::memory_order_release);
}

}  // namespace axvm::hal_el2
