#pragma once
// Sets of interrupts as 32-bit words, and what is implemented of a priority.

#include <core/lowest_bit.hpp>
#include <cstdint>

namespace axvm::aarch64 {

/// SGIs within a CPU's first 32 interrupts.
inline constexpr std::uint32_t kSgis = 0xffff;
/// Five bits of a priority are implemented (IHI 0069, 4.8).
inline constexpr std::uint8_t kPriorityMask = 0xf8;

constexpr std::uint32_t bit_of(std::uint32_t intid) { return 1U << (intid % 32); }

/// Calls `f` with the position of each bit that is set.
template <class F>
void for_each_bit(std::uint32_t bits, F&& f) {
  for (; bits != 0; bits &= bits - 1) f(lowest_bit(bits));
}

}  // namespace axvm::aarch64
