#pragma once
// From one stack to another and back.
//
// Boost.Context does this everywhere. On x86-64 it is done here, inline: a call of a function that
// never returns to its caller leaves the processor's return predictor one entry off, so that each
// return on the way out of a trap would be mispredicted, twenty of them for 100 ns.

#include <cstddef>

#ifndef AXVM_OWN_STACK_SWITCH  // set by the build where the host is an x86-64
#include <boost/context/detail/fcontext.hpp>
#endif

namespace axvm::sim {

/// Who has switched here, and what was given along.
struct StackTransfer {
  void* from;
  void* data;
};
/// What a new stack begins with. Never returns.
using StackEntry = void (*)(StackTransfer);

#ifdef AXVM_OWN_STACK_SWITCH

/// A stack that ends at `top`, a multiple of 16, so that switching to the result calls `entry`.
inline void* prepare_stack(std::byte* top, std::size_t, StackEntry entry) noexcept {
  // As after a call (System V ABI, AMD64 supplement, 3.2.2): a return address above the stack
  // pointer, here none, at 8 below a multiple of 16.
  void** const words = reinterpret_cast<void**>(top);
  words[-1] = nullptr;
  words[-2] = reinterpret_cast<void*>(entry);
  return static_cast<void*>(words - 2);
}

/// Goes on where `to` was left. Returns when somebody switches back, with where that one was left.
[[gnu::always_inline]] inline StackTransfer switch_stack(void* to, void* data) noexcept {
  // RDI and RSI are the arguments of an entry as well. All other registers are clobbered: the
  // compiler saves those that it needs. RBP it may use for itself; below RSP it may have the red
  // zone.
  asm volatile(
      "leaq -128(%%rsp), %%rsp\n\t"
      "pushq %%rbp\n\t"
      "leaq 1f(%%rip), %%rax\n\t"
      "pushq %%rax\n\t"
      "xchgq %%rsp, %%rdi\n\t"
      "popq %%rax\n\t"
      "jmpq *%%rax\n"
      "1:\n\t"
      "popq %%rbp\n\t"
      "leaq 128(%%rsp), %%rsp"
      : "+D"(to), "+S"(data)
      :
      : "rax", "rbx", "rcx", "rdx", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15", "xmm0",
        "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11",
        "xmm12", "xmm13", "xmm14", "xmm15", "memory", "cc");
  return {to, data};
}

#else

inline void* prepare_stack(std::byte* top, std::size_t bytes, StackEntry entry) noexcept {
  namespace context = boost::context::detail;
  static_assert(sizeof(StackTransfer) == sizeof(context::transfer_t));
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast): the same two pointers
  return context::make_fcontext(top, bytes, reinterpret_cast<void (*)(context::transfer_t)>(entry));
}

inline StackTransfer switch_stack(void* to, void* data) noexcept {
  const auto transfer = boost::context::detail::jump_fcontext(to, data);
  return {transfer.fctx, transfer.data};
}

#endif

}  // namespace axvm::sim
