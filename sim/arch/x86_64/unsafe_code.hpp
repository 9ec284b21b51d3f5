#pragma once
// Instructions that end the engine's process when it translates them: LOCK with a bit test of a
// register, which is an invalid opcode. The engine is stopped before each of them.

#include <algorithm>
#include <array>
#include <cstdint>
#include <sim/arch/x86_64/decode.hpp>
#include <span>

namespace axvm::sim::x86_64 {

/// LOCK BT, BTS, BTR, BTC of registers.
[[nodiscard]] constexpr bool upsets_engine(const Instruction& i) noexcept {
  if (i.length == 0 || i.map != Instruction::Map::TwoByte || !i.lock) return false;
  const bool bit_test = i.opcode == 0xa3 || i.opcode == 0xab || i.opcode == 0xb3 ||
                        i.opcode == 0xbb || (i.opcode == 0xba && i.extension() >= 4);
  return bit_test && !i.has_memory();
}

/// Calls `visit(offset)` for each place in a page where such an instruction may begin, in code of
/// whatever size; one that goes on in the next page is taken for one.
template <class Visit>
void for_each_unsafe_place(std::span<const std::uint8_t> page, Visit&& visit) {
  constexpr std::array<std::uint8_t, 11> kPrefixes{0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65,
                                                   0x66, 0x67, 0xf0, 0xf2, 0xf3};
  const auto is_prefix = [&](std::uint8_t byte) {
    return (byte & 0xf0) == 0x40 || std::ranges::find(kPrefixes, byte) != kPrefixes.end();
  };
  const auto byte_is = [&](std::size_t at, auto&& predicate) {
    return at >= page.size() || predicate(page[at]);
  };
  for (std::size_t lock = 0; lock < page.size(); ++lock) {
    if (page[lock] != 0xf0) continue;
    std::size_t opcode = lock + 1;
    while (opcode < page.size() && is_prefix(page[opcode])) ++opcode;
    const bool fits =
        byte_is(opcode, [](std::uint8_t b) { return b == 0x0f; }) &&
        byte_is(opcode + 1, [](std::uint8_t b) { return (b & 0xe7) == 0xa3 || b == 0xba; }) &&
        byte_is(opcode + 2, [](std::uint8_t b) { return b >= 0xc0; });
    if (!fits || opcode - lock >= kMaxInstructionBytes) continue;
    for (std::size_t begin = lock;; --begin) {
      visit(static_cast<std::uint32_t>(begin));
      const bool more = begin > 0 && opcode - begin < kMaxInstructionBytes;
      // What begins before another LOCK is that one's.
      if (!more || !is_prefix(page[begin - 1]) || page[begin - 1] == 0xf0) break;
    }
  }
}

}  // namespace axvm::sim::x86_64
