#pragma once
// Finding bits with what every CPU has.

#include <cstdint>

namespace axvm {

/// The position of the lowest bit that is set; 63 when none is. std::countr_zero would call the
/// compiler's runtime on CPUs without an instruction for it, which the core is not linked with.
[[nodiscard]] constexpr unsigned lowest_bit(std::uint64_t word) noexcept {
  unsigned position = 0;
  for (unsigned half = 32; half != 0; half /= 2) {
    if ((word & ((std::uint64_t{1} << half) - 1)) != 0) continue;
    word >>= half;
    position += half;
  }
  return position;
}

static_assert(lowest_bit(1) == 0 && lowest_bit(0x80) == 7 && lowest_bit(1ULL << 63) == 63);
static_assert(lowest_bit(0b1010'0000) == 5 && lowest_bit(0) == 63);

}  // namespace axvm
