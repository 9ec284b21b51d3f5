#pragma once
// Random bytes out of random words.

#include <cstddef>
#include <cstdint>
#include <span>

namespace axvm::hal_common {

/// Takes one of `next_word()`s for every 8 bytes, or what is left of them, the lowest byte first.
template <class F>
void fill_from_words(std::span<std::byte> bytes, F&& next_word) {
  std::uint64_t word = 0;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    if (i % 8 == 0) word = next_word();
    bytes[i] = static_cast<std::byte>(word >> (8 * (i % 8)));
  }
}

}  // namespace axvm::hal_common
