#pragma once
// SP alignment checking (DDI 0487 D1.3.10): which instructions may leave SP no multiple of 16, and
// which ones check it. Few do the former, many the latter; so the former are watched, and the
// latter only while a stack pointer is misaligned.

#include <bit>
#include <cstdint>
#include <sim/arch/aarch64/decode.hpp>

namespace axvm::sim::aarch64 {

/// MSR SPSel, #0.
inline constexpr std::uint32_t kSelectSpEl0 = 0xd500'40bf;

/// Whether the instruction may turn an aligned SP into one that is not. Not MSR (register), nor
/// exception returns.
[[nodiscard]] bool may_misalign_stack(std::uint32_t word) noexcept;

/// Of those, the additions and subtractions of 64 bits.
[[nodiscard]] bool is_stack_arithmetic(std::uint32_t word) noexcept;

/// What such an instruction, other than kSelectSpEl0, writes to SP: arithmetic exactly, others in
/// bits 3:0. `read(n)` gives Xn for n < 31 and SP for n = 31.
template <class ReadRegister>
[[nodiscard]] std::uint64_t stack_after(std::uint32_t word, const ReadRegister& read);

/// A load or store with SP for its base, which SP alignment checking is for.
[[nodiscard]] inline bool checks_stack(std::uint32_t word) noexcept {
  if ((word & 0x0a00'0000) != 0x0800'0000 || ((word >> 5) & 31) != 31) return false;
  const auto i = decode_memory_instruction(word);
  return i && !i->is_prefetch && i->addressing != MemoryInstruction::Addressing::Literal;
}

namespace stack {

constexpr bool writes_31(std::uint32_t word) noexcept { return (word & 31) == 31; }
constexpr bool is_add_immediate(std::uint32_t word) noexcept {
  return (word & 0x3f80'0000) == 0x1100'0000 && writes_31(word);
}
constexpr bool is_add_extended(std::uint32_t word) noexcept {
  return (word & 0x3fe0'0000) == 0x0b20'0000 && writes_31(word);
}
constexpr bool is_logical_immediate(std::uint32_t word) noexcept {
  return (word & 0x1f80'0000) == 0x1200'0000 && ((word >> 29) & 3) != 3 && writes_31(word);
}
constexpr bool has_base_31(std::uint32_t word) noexcept { return ((word >> 5) & 31) == 31; }
constexpr bool is_pair_with_writeback(std::uint32_t word) noexcept {
  return (word & 0x3a80'0000) == 0x2880'0000 && has_base_31(word);
}
constexpr bool is_single_with_writeback(std::uint32_t word) noexcept {
  return (word & 0x3b20'0400) == 0x3800'0400 && has_base_31(word);
}
constexpr bool is_structures_with_writeback(std::uint32_t word) noexcept {
  return (word & 0xbe80'0000) == 0x0c80'0000 && has_base_31(word);
}
constexpr std::uint64_t add_immediate(std::uint32_t word) noexcept {
  const std::uint64_t immediate = (word >> 10) & 0xfff;
  return (word & (1U << 22)) != 0 ? immediate << 12 : immediate;
}
/// The displacement of a pair or a single register with write-back, as two's complement.
constexpr std::uint64_t displacement(std::uint32_t word) noexcept {
  if (is_single_with_writeback(word)) return (word >> 12) & 0xf;  // imm9: its low bits are enough
  const bool simd = (word & (1U << 26)) != 0;
  const unsigned opc = word >> 30;
  const unsigned scale = simd ? 2 + opc : opc == 2 ? 3 : 2;
  return static_cast<std::uint64_t>((word >> 15) & 0x7f) << scale;
}
/// DecodeBitMasks() of a logical immediate, 64 bits wide.
constexpr std::uint64_t bit_mask(std::uint32_t word) noexcept {
  const unsigned imms = (word >> 10) & 0x3f;
  const unsigned selector = ((word >> 22) & 1) << 6 | (~imms & 0x3f);
  if (selector < 2) return 0;  // unallocated
  const unsigned size = std::bit_floor(selector);
  const unsigned ones = (imms & (size - 1)) + 1;
  const unsigned rotation = (word >> 16) & (size - 1);
  std::uint64_t mask = 0;
  for (unsigned n = 0; n < 64; ++n) {
    if (((n + rotation) & (size - 1)) < ones) mask |= 1ULL << n;
  }
  return mask;
}

}  // namespace stack

template <class ReadRegister>
std::uint64_t stack_after(std::uint32_t word, const ReadRegister& read) {
  const std::uint64_t base = read((word >> 5) & 31);
  const unsigned rm = (word >> 16) & 31;
  const bool subtracts = (word & (1U << 30)) != 0;
  const auto zero_or = [&](unsigned n) { return n == 31 ? 0 : read(n); };
  if (stack::is_add_immediate(word)) {
    return subtracts ? base - stack::add_immediate(word) : base + stack::add_immediate(word);
  }
  if (stack::is_add_extended(word)) {
    // Bits 3:0 of the operand are the same however it is extended.
    const std::uint64_t operand = zero_or(rm) << ((word >> 10) & 7);
    return subtracts ? base - operand : base + operand;
  }
  if (stack::is_logical_immediate(word)) {
    const std::uint64_t mask = stack::bit_mask(word);
    const std::uint64_t source = zero_or((word >> 5) & 31);
    switch ((word >> 29) & 3) {
      case 0: return source & mask;
      case 1: return source | mask;
      default: return source ^ mask;
    }
  }
  if (stack::is_structures_with_writeback(word)) {
    if (rm != 31) return base + read(rm);
    const auto i = decode_memory_instruction(word);
    return base + (i ? i->access_bytes : 0U);
  }
  return base + stack::displacement(word);
}

}  // namespace axvm::sim::aarch64
