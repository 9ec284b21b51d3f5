#pragma once
// From one stack to another, in the host's own instructions: host/<instruction set>/.

#include <cstddef>

namespace axvm::sim {

/// Makes a new stack ready whose memory ends at `top`, a multiple of 16: the first switch to what
/// is returned calls function(argument), which must not return.
void* prepare_stack(std::byte* top, void (*function)(void*), void* argument) noexcept;

/// Saves what a call preserves, and the stack pointer to `*save`; goes on where `to` was saved.
extern "C" void axvm_sim_switch_stack(void** save, void* to) noexcept;

}  // namespace axvm::sim
