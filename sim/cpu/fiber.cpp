#include <sys/mman.h>

#include <new>
#include <sim/cpu/fiber.hpp>

#ifdef AXVM_ADDRESS_SANITIZER
#include <sanitizer/common_interface_defs.h>
#endif

namespace axvm::sim {

Fiber::Fiber(Body body, void* argument) : body_(body), argument_(argument) {
  void* const memory = mmap(nullptr, kGuardBytes + kStackBytes, PROT_READ | PROT_WRITE,
                            MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) throw std::bad_alloc();
  mprotect(memory, kGuardBytes, PROT_NONE);
  stack_ = static_cast<std::byte*>(memory) + kGuardBytes;
  inside_ = prepare_stack(stack_ + kStackBytes, kStackBytes, [](StackTransfer first) {
    auto* const self = static_cast<Fiber*>(first.data);
    self->outside_ = first.from;
    begin(self);
  });
}

Fiber::~Fiber() {
  end();
  munmap(stack_ - kGuardBytes, kGuardBytes + kStackBytes);
}

void Fiber::begin(Fiber* self) {
  self->arrive_inside();
  self->body_(self->argument_);
  __builtin_unreachable();
}

#ifdef AXVM_ADDRESS_SANITIZER
void Fiber::leave_outside() noexcept {
  __sanitizer_start_switch_fiber(&shadow_outside_, stack_, kStackBytes);
}
void Fiber::arrive_outside() noexcept {
  __sanitizer_finish_switch_fiber(shadow_outside_, nullptr, nullptr);
}
void Fiber::leave_inside() noexcept {
  __sanitizer_start_switch_fiber(&shadow_inside_, outside_bottom_, outside_bytes_);
}
void Fiber::arrive_inside() noexcept {
  __sanitizer_finish_switch_fiber(shadow_inside_, &outside_bottom_, &outside_bytes_);
  if (!ending_) return;
  __sanitizer_start_switch_fiber(nullptr, outside_bottom_, outside_bytes_);
  switch_stack(outside_, nullptr);
}
void Fiber::end() noexcept {
  // Only from inside can it be told that the fiber's shadow stack is not needed any more.
  if (shadow_inside_ == nullptr) return;
  ending_ = true;
  resume();
}
#endif

}  // namespace axvm::sim
