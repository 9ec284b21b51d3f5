#include <sys/mman.h>

#include <new>
#include <sim/cpu/fiber.hpp>
#include <sim/cpu/stack_switch.hpp>

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define AXVM_ADDRESS_SANITIZER
#endif
#elif defined(__SANITIZE_ADDRESS__)
#define AXVM_ADDRESS_SANITIZER
#endif
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
  inside_ = prepare_stack(
      stack_ + kStackBytes, [](void* self) { begin(static_cast<Fiber*>(self)); }, this);
}

Fiber::~Fiber() { munmap(stack_ - kGuardBytes, kGuardBytes + kStackBytes); }

void Fiber::resume() {
#ifdef AXVM_ADDRESS_SANITIZER
  void* shadow = nullptr;
  __sanitizer_start_switch_fiber(&shadow, stack_, kStackBytes);
#endif
  axvm_sim_switch_stack(&outside_, inside_);
#ifdef AXVM_ADDRESS_SANITIZER
  __sanitizer_finish_switch_fiber(shadow, nullptr, nullptr);
#endif
}

void Fiber::suspend() {
#ifdef AXVM_ADDRESS_SANITIZER
  __sanitizer_start_switch_fiber(&shadow_inside_, outside_bottom_, outside_bytes_);
#endif
  axvm_sim_switch_stack(&inside_, outside_);
#ifdef AXVM_ADDRESS_SANITIZER
  __sanitizer_finish_switch_fiber(shadow_inside_, &outside_bottom_, &outside_bytes_);
#endif
}

void Fiber::begin(Fiber* self) {
#ifdef AXVM_ADDRESS_SANITIZER
  __sanitizer_finish_switch_fiber(nullptr, &self->outside_bottom_, &self->outside_bytes_);
#endif
  self->body_(self->argument_);
  __builtin_unreachable();
}

}  // namespace axvm::sim
