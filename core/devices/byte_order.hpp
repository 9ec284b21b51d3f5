#pragma once
// Numbers as bytes of a stated order, whatever this CPU's own is.

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>

namespace axvm {

/// The number in the first bytes of `from`, which are as many as T has.
template <std::unsigned_integral T>
[[nodiscard]] constexpr T load_le(std::span<const std::byte> from) noexcept {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < sizeof(T); ++i) {
    value |= std::to_integer<std::uint64_t>(from[i]) << (8 * i);
  }
  return static_cast<T>(value);
}

template <std::unsigned_integral T>
[[nodiscard]] constexpr T load_be(std::span<const std::byte> from) noexcept {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < sizeof(T); ++i) {
    value = value << 8 | std::to_integer<std::uint64_t>(from[i]);
  }
  return static_cast<T>(value);
}

/// The reverse; `to` has room for them.
template <std::unsigned_integral T>
constexpr void store_le(std::span<std::byte> to, T value) noexcept {
  for (std::size_t i = 0; i < sizeof(T); ++i) {
    to[i] = static_cast<std::byte>(std::uint64_t{value} >> (8 * i));
  }
}

template <std::unsigned_integral T>
constexpr void store_be(std::span<std::byte> to, T value) noexcept {
  for (std::size_t i = 0; i < sizeof(T); ++i) {
    to[i] = static_cast<std::byte>(std::uint64_t{value} >> (8 * (sizeof(T) - 1 - i)));
  }
}

}  // namespace axvm
