#pragma once
// Bit fields the way the manuals write them.

#include <cstdint>

namespace axvm::sim {

/// word<high:low>
constexpr std::uint64_t field(std::uint64_t word, unsigned high, unsigned low) noexcept {
  return (word >> low) & ((std::uint64_t{2} << (high - low)) - 1);
}

/// word<n> == '1'
constexpr bool bit(std::uint64_t word, unsigned n) noexcept { return ((word >> n) & 1) != 0; }

}  // namespace axvm::sim
