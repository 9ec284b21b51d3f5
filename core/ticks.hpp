#pragma once
// Ticks of a counter as time.

#include <cstdint>

namespace axvm {

/// Nanoseconds that `ticks` of a counter of `frequency` Hz take; the greatest value if they are too
/// many, or the counter stands still.
[[nodiscard]] constexpr std::uint64_t nanoseconds_of(std::uint64_t ticks,
                                                     std::uint64_t frequency) noexcept {
  constexpr std::uint64_t kSecond = 1'000'000'000;
  constexpr std::uint64_t kNever = ~std::uint64_t{0};
  if (frequency == 0 || frequency > kSecond * 10 || ticks / frequency >= kNever / kSecond - 1) {
    return kNever;
  }
  const std::uint64_t rest = ticks % frequency;
  return ticks / frequency * kSecond + (rest * kSecond + frequency - 1) / frequency;
}

}  // namespace axvm
