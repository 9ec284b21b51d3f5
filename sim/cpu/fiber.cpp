#include <sys/mman.h>

#include <boost/context/detail/fcontext.hpp>
#include <new>
#include <sim/cpu/fiber.hpp>

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
namespace context = boost::context::detail;

Fiber::Fiber(Body body, void* argument) : body_(body), argument_(argument) {
  void* const memory = mmap(nullptr, kGuardBytes + kStackBytes, PROT_READ | PROT_WRITE,
                            MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) throw std::bad_alloc();
  mprotect(memory, kGuardBytes, PROT_NONE);
  stack_ = static_cast<std::byte*>(memory) + kGuardBytes;
  inside_ = context::make_fcontext(stack_ + kStackBytes, kStackBytes, [](context::transfer_t from) {
    auto* const self = static_cast<Fiber*>(from.data);
    self->outside_ = from.fctx;
    begin(self);
  });
}

Fiber::~Fiber() { munmap(stack_ - kGuardBytes, kGuardBytes + kStackBytes); }

void Fiber::resume() {
#ifdef AXVM_ADDRESS_SANITIZER
  void* shadow = nullptr;
  __sanitizer_start_switch_fiber(&shadow, stack_, kStackBytes);
#endif
  inside_ = context::jump_fcontext(inside_, this).fctx;
#ifdef AXVM_ADDRESS_SANITIZER
  __sanitizer_finish_switch_fiber(shadow, nullptr, nullptr);
#endif
}

void Fiber::suspend() {
#ifdef AXVM_ADDRESS_SANITIZER
  __sanitizer_start_switch_fiber(&shadow_inside_, outside_bottom_, outside_bytes_);
#endif
  outside_ = context::jump_fcontext(outside_, nullptr).fctx;
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
