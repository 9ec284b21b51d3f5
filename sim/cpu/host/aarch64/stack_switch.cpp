// AArch64, AAPCS64: x19 to x30 and d8 to d15 survive calls.

#include <array>
#include <cstdint>
#include <cstring>
#include <sim/cpu/stack_switch.hpp>

/// Where a new stack begins: calls its function with its argument.
extern "C" void axvm_sim_begin_stack() noexcept;

asm(R"(
  .pushsection .text
  .globl axvm_sim_switch_stack
  .type axvm_sim_switch_stack, %function
axvm_sim_switch_stack:
  sub sp, sp, #160
  stp x19, x20, [sp, #0]
  stp x21, x22, [sp, #16]
  stp x23, x24, [sp, #32]
  stp x25, x26, [sp, #48]
  stp x27, x28, [sp, #64]
  stp x29, x30, [sp, #80]
  stp d8, d9, [sp, #96]
  stp d10, d11, [sp, #112]
  stp d12, d13, [sp, #128]
  stp d14, d15, [sp, #144]
  mov x9, sp
  str x9, [x0]
  mov sp, x1
  ldp x19, x20, [sp, #0]
  ldp x21, x22, [sp, #16]
  ldp x23, x24, [sp, #32]
  ldp x25, x26, [sp, #48]
  ldp x27, x28, [sp, #64]
  ldp x29, x30, [sp, #80]
  ldp d8, d9, [sp, #96]
  ldp d10, d11, [sp, #112]
  ldp d12, d13, [sp, #128]
  ldp d14, d15, [sp, #144]
  add sp, sp, #160
  ret
  .size axvm_sim_switch_stack, . - axvm_sim_switch_stack
  .globl axvm_sim_begin_stack
  .type axvm_sim_begin_stack, %function
axvm_sim_begin_stack:
  mov x0, x19
  br x20
  .size axvm_sim_begin_stack, . - axvm_sim_begin_stack
  .popsection
)");

namespace axvm::sim {
namespace {

/// As axvm_sim_switch_stack leaves a stack.
struct Frame {
  std::uintptr_t x19 = 0;
  std::uintptr_t x20 = 0;
  std::array<std::uintptr_t, 9> x21_to_x29{};
  std::uintptr_t x30 = 0;
  std::array<std::uintptr_t, 8> d8_to_d15{};
};
static_assert(sizeof(Frame) == 160);

}  // namespace

void* prepare_stack(std::byte* top, void (*function)(void*), void* argument) noexcept {
  Frame frame;
  frame.x19 = reinterpret_cast<std::uintptr_t>(argument);
  frame.x20 = reinterpret_cast<std::uintptr_t>(function);
  frame.x30 = reinterpret_cast<std::uintptr_t>(&axvm_sim_begin_stack);
  return std::memcpy(top - sizeof frame, &frame, sizeof frame);
}

}  // namespace axvm::sim
