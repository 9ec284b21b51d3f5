#pragma once
// Accesses of any width and alignment to devices whose registers are 32 bits wide.

#include <core/devices/device.hpp>
#include <cstdint>

namespace axvm {

/// `read(offset)` gives the register at a multiple of 4. Each that is touched is read once.
template <class Read>
[[nodiscard]] std::uint64_t read_words(std::uint64_t offset, AccessWidth width, Read&& read) {
  std::uint64_t value = 0;
  for (unsigned done = 0; done < bytes(width);) {
    const auto skipped = static_cast<unsigned>((offset + done) & 3);
    const std::uint64_t word = std::uint32_t{read((offset + done) & ~std::uint64_t{3})};
    value |= (word >> (8 * skipped)) << (8 * done);
    done += 4 - skipped;
  }
  return truncate(value, width);
}

/// `write(offset, value, mask)` sets those bits of the register at `offset` that are in `mask`,
/// which covers whole bytes.
template <class Write>
void write_words(std::uint64_t offset, AccessWidth width, std::uint64_t value, Write&& write) {
  const std::uint64_t all = truncate(~std::uint64_t{0}, width);
  for (unsigned done = 0; done < bytes(width);) {
    const auto skipped = static_cast<unsigned>((offset + done) & 3);
    write((offset + done) & ~std::uint64_t{3},
          static_cast<std::uint32_t>((value >> (8 * done)) << (8 * skipped)),
          static_cast<std::uint32_t>((all >> (8 * done)) << (8 * skipped)));
    done += 4 - skipped;
  }
}

}  // namespace axvm
