#pragma once
// A fixed sequence of 64-bit words that looks random (SplitMix64, Steele et al. 2014).

#include <cstdint>

namespace axvm::hal_common {

/// The next word; any `state` begins a sequence.
[[nodiscard]] inline std::uint64_t split_mix(std::uint64_t& state) noexcept {
  std::uint64_t z = state += 0x9E37'79B9'7F4A'7C15;
  z = (z ^ (z >> 30)) * 0xBF58'476D'1CE4'E5B9;
  z = (z ^ (z >> 27)) * 0x94D0'49BB'1331'11EB;
  return z ^ (z >> 31);
}

}  // namespace axvm::hal_common
