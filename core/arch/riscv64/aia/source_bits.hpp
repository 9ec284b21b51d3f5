#pragma once
// A bit per source of an APLIC, in words of 32 as its registers have them.

#include <cstdint>

namespace axvm::riscv64 {

template <class Bits>
[[nodiscard]] constexpr bool has_source(const Bits& bits, std::uint32_t source) noexcept {
  return (bits[source / 32] >> source % 32 & 1) != 0;
}
template <class Bits>
constexpr void put_source(Bits& bits, std::uint32_t source, bool value) noexcept {
  const std::uint32_t bit = 1U << source % 32;
  std::uint32_t& word = bits[source / 32];
  word = value ? word | bit : word & ~bit;
}

}  // namespace axvm::riscv64
