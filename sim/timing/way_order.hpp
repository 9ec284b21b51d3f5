#pragma once
// The ways of a set by age in one word: four bits each, the youngest lowest.

#include <bit>
#include <cstdint>

namespace axvm::sim::timing::way_order {

inline constexpr std::uint32_t kMostWays = 16;
inline constexpr std::uint64_t kAscending = 0xfedc'ba98'7654'3210;

/// The bits below those of `way`, which is in the order.
[[nodiscard]] constexpr unsigned shift_of(std::uint64_t order, std::uint64_t way) noexcept {
  constexpr std::uint64_t kOnes = 0x1111'1111'1111'1111;
  const std::uint64_t x = order ^ (way * kOnes);
  // The lowest four bits that are zero: borrows come from below only.
  const std::uint64_t zero = (x - kOnes) & ~x & (kOnes << 3);
  return static_cast<unsigned>(std::countr_zero(zero)) - 3;
}

/// `way`, whose bits are above `shift` others, becomes the youngest.
[[nodiscard]] constexpr std::uint64_t made_youngest(std::uint64_t order, std::uint64_t way,
                                                    unsigned shift) noexcept {
  const std::uint64_t younger = order & ((1ULL << shift) - 1);
  const std::uint64_t older = order >> shift >> 4 << shift << 4;
  return older | younger << 4 | way;
}

/// `way` becomes the oldest of `ways`.
[[nodiscard]] constexpr std::uint64_t made_oldest(std::uint64_t order, std::uint64_t way,
                                                  std::uint32_t ways) noexcept {
  const unsigned shift = shift_of(order, way);
  const unsigned last = 4 * (ways - 1);
  const std::uint64_t beyond = order >> last >> 4 << last << 4;  // ways that there are not
  const std::uint64_t within = order & ~beyond;
  const std::uint64_t younger = within & ((1ULL << shift) - 1);
  const std::uint64_t older = within >> shift >> 4 << shift;
  return beyond | way << last | older | younger;
}

static_assert(shift_of(kAscending, 0) == 0 && shift_of(kAscending, 5) == 20);
static_assert(made_youngest(kAscending, 2, 8) == 0xfedc'ba98'7654'3102);
static_assert(made_youngest(kAscending, 15, 60) == 0xedcb'a987'6543'210f);
static_assert(made_oldest(kAscending, 1, 4) == 0xfedc'ba98'7654'1320);
static_assert(made_oldest(kAscending, 0, 16) == 0x0fed'cba9'8765'4321);

}  // namespace axvm::sim::timing::way_order
