#pragma once
// The bytes of a block of code, which may lie in two frames, and its instructions.

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <sim/arch/x86_64/decode.hpp>

namespace axvm::sim::x86_64 {

struct CodeBytes {
  static constexpr std::uint64_t kPage = 4096;

  /// The first byte; null: the block cannot be read.
  const std::uint8_t* first = nullptr;
  /// Bytes there are before the next page, of which `next` is the beginning; null as above.
  std::uint32_t room = 0;
  const std::uint8_t* next = nullptr;
  CodeSize size = CodeSize::Bits64;

  /// The instruction `offset` bytes on.
  [[nodiscard]] Instruction at(std::uint32_t offset) const noexcept {
    std::array<std::uint8_t, kMaxInstructionBytes> bytes{};
    std::size_t count = 0;
    if (offset < room) {
      count = std::min<std::size_t>(bytes.size(), room - offset);
      std::memcpy(bytes.data(), first + offset, count);
    }
    if (count < bytes.size() && next != nullptr) {
      const std::uint32_t from = offset < room ? 0 : offset - room;
      const std::size_t more = std::min<std::size_t>(bytes.size() - count, kPage - from);
      std::memcpy(bytes.data() + count, next + from, more);
      count += more;
    }
    return decode(std::span(bytes).first(count), size);
  }
  /// How many instructions begin in [begin, end). One that cannot be decoded is the last.
  [[nodiscard]] std::uint64_t count(std::uint32_t begin, std::uint32_t end) const noexcept {
    std::uint64_t n = 0;
    for (std::uint32_t offset = begin; offset < end; ++n) {
      const unsigned length = at(offset).length;
      if (length == 0) return n + 1;
      offset += length;
    }
    return n;
  }
};

}  // namespace axvm::sim::x86_64
