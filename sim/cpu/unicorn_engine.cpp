#include <sim/cpu/unicorn_engine.hpp>

namespace axvm::sim {

void UnicornEngine::close() {
  settle();
  if (uc_ != nullptr) uc_close(std::exchange(uc_, nullptr));
}

void UnicornEngine::flush_tlb() {
  settle();
  const EngineScope scope;
  uc_ctl_flush_tlb(uc_);
}

void UnicornEngine::flush_code() {
  settle();
  uc_ctl_flush_tb(uc_);
}

void UnicornEngine::forget_code(std::uint64_t pa, std::uint64_t size) {
  settle();
  const bool outer = std::exchange(magic_, true);
  const std::uint64_t va = (magic_top_ << 48) | pa;
  uc_ctl_remove_cache(uc_, va, va + size);
  magic_ = outer;
  // The magic address must not stay usable.
  flush_tlb();
}

void UnicornEngine::prepare(std::uint64_t pc) {
  settle();
  start_ = pc;
  if (fiber_) return;
  fiber_ = std::make_unique<Fiber>(
      [](void* self) {
        UnicornEngine& e = *static_cast<UnicornEngine*>(self);
        for (;;) {
          e.result_ = uc_emu_start(e.uc_, e.start_, e.until_, 0, 0);
          e.fiber_->suspend();
        }
      },
      this);
}

uc_err UnicornEngine::run_until(std::uint64_t pc, std::uint64_t end) {
  settle();
  // With exits enabled the engine looks at those only, of which there are none.
  uc_ctl_exits_disable(uc_);
  until_ = end;
  const uc_err error = run(pc);
  settle();
  until_ = 0;
  uc_ctl_exits_enable(uc_);
  return error;
}

void UnicornEngine::unwind() {
  in_place_ = parked_ = false;
  stop();
  resume();
}

uc_hook UnicornEngine::watch(std::uint64_t first, std::uint64_t last, CodeHook hook,
                             void* context) {
  settle();
  uc_hook handle = 0;
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast): the engine takes void*
  uc_hook_add(uc_, &handle, UC_HOOK_CODE, reinterpret_cast<void*>(hook), context, first, last);
  return handle;
}

void UnicornEngine::unwatch(uc_hook hook) {
  settle();
  const bool outer = std::exchange(probing_, true);
  uc_hook_del(uc_, hook);
  probing_ = outer;
}

}  // namespace axvm::sim
