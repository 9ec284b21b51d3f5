#pragma once
// A bit for each of 256 interrupt vectors: IRR, ISR and TMR (APM Vol. 2 16.6.3).

#include <array>
#include <axvm/state.hpp>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace axvm::x86_64 {

class VectorSet {
 public:
  static constexpr unsigned kWords = 8;

  constexpr void set(std::uint8_t vector, bool present = true) noexcept {
    const std::uint32_t bit = std::uint32_t{1} << vector % 32;
    std::uint32_t& word = words_[vector / 32];
    word = present ? word | bit : word & ~bit;
  }
  [[nodiscard]] constexpr bool contains(std::uint8_t vector) const noexcept {
    return (words_[vector / 32] >> vector % 32 & 1) != 0;
  }
  /// The highest vector, which is served first.
  [[nodiscard]] constexpr std::optional<std::uint8_t> highest() const noexcept {
    for (unsigned n = kWords; n-- > 0;) {
      if (words_[n] == 0) continue;
      unsigned bit = 31;
      while ((words_[n] >> bit & 1) == 0) --bit;
      return static_cast<std::uint8_t>(32 * n + bit);
    }
    return std::nullopt;
  }
  /// Vectors 32n to 32n + 31, n < kWords: a register of the local APIC.
  [[nodiscard]] constexpr std::uint32_t word(unsigned n) const noexcept { return words_[n]; }

  void describe(StateVisitor& visitor, std::string_view name) {
    visitor.bytes(name, std::as_writable_bytes(std::span(words_)));
  }

 private:
  std::array<std::uint32_t, kWords> words_{};
};

}  // namespace axvm::x86_64
