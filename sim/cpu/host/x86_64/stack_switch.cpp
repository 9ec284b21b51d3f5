// x86-64, System V ABI: rbx, rbp and r12 to r15 survive calls.

#include <cstdint>
#include <cstring>
#include <sim/cpu/stack_switch.hpp>

/// Where a new stack begins: calls its function with its argument.
extern "C" void axvm_sim_begin_stack() noexcept;

// The indirect jump is predicted; a return to where no call came from would not be.
asm(R"(
  .pushsection .text
  .globl axvm_sim_switch_stack
  .type axvm_sim_switch_stack, @function
axvm_sim_switch_stack:
  pushq %rbp
  pushq %rbx
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rsp, (%rdi)
  movq %rsi, %rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbx
  popq %rbp
  popq %rcx
  jmpq *%rcx
  .size axvm_sim_switch_stack, . - axvm_sim_switch_stack
  .globl axvm_sim_begin_stack
  .type axvm_sim_begin_stack, @function
axvm_sim_begin_stack:
  movq %r12, %rdi
  jmpq *%r13
  .size axvm_sim_begin_stack, . - axvm_sim_begin_stack
  .popsection
)");

namespace axvm::sim {
namespace {

/// As axvm_sim_switch_stack leaves a stack.
struct Frame {
  std::uintptr_t r15 = 0;
  std::uintptr_t r14 = 0;
  std::uintptr_t r13 = 0;
  std::uintptr_t r12 = 0;
  std::uintptr_t rbx = 0;
  std::uintptr_t rbp = 0;
  std::uintptr_t return_address = 0;
  /// The function finds the stack as after a call.
  std::uintptr_t alignment = 0;
};
static_assert(sizeof(Frame) % 16 == 0);

}  // namespace

void* prepare_stack(std::byte* top, void (*function)(void*), void* argument) noexcept {
  Frame frame;
  frame.r12 = reinterpret_cast<std::uintptr_t>(argument);
  frame.r13 = reinterpret_cast<std::uintptr_t>(function);
  frame.return_address = reinterpret_cast<std::uintptr_t>(&axvm_sim_begin_stack);
  return std::memcpy(top - sizeof frame, &frame, sizeof frame);
}

}  // namespace axvm::sim
