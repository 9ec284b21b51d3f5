#include <core/arch/riscv64/memory_instruction.hpp>

namespace axvm::riscv64 {
namespace {

using Kind = MemoryInstruction::Kind;
using Decoded = std::optional<MemoryInstruction>;

constexpr std::uint32_t bits(std::uint32_t word, unsigned high, unsigned low) {
  return (word >> low) & ((1U << (high - low + 1)) - 1);
}
constexpr std::uint8_t reg(std::uint32_t word, unsigned low) {
  return static_cast<std::uint8_t>(bits(word, low + 4, low));
}
/// One of x8..x15 in compressed instructions.
constexpr std::uint8_t short_reg(std::uint32_t word, unsigned low) {
  return static_cast<std::uint8_t>(8 + bits(word, low + 2, low));
}
constexpr std::int32_t sign_extend12(std::uint32_t value) {
  return static_cast<std::int32_t>(value << 20) >> 20;
}
constexpr AccessWidth width_of(unsigned log2) { return static_cast<AccessWidth>(1U << log2); }

enum Opcode : std::uint32_t {
  kLoad = 0x03,
  kLoadFp = 0x07,
  kMiscMem = 0x0f,
  kStore = 0x23,
  kStoreFp = 0x27,
  kAmo = 0x2f,
};

Decoded load(std::uint32_t word) {
  const std::uint32_t funct3 = bits(word, 14, 12);
  if (funct3 == 7) return std::nullopt;
  return MemoryInstruction{.kind = Kind::Load,
                           .width = width_of(funct3 & 3),
                           .base = reg(word, 15),
                           .reg = reg(word, 7),
                           .sign_extend = funct3 < 3,
                           .offset = sign_extend12(bits(word, 31, 20))};
}

Decoded store(std::uint32_t word) {
  const std::uint32_t funct3 = bits(word, 14, 12);
  if (funct3 > 3) return std::nullopt;
  return MemoryInstruction{.kind = Kind::Store,
                           .width = width_of(funct3),
                           .base = reg(word, 15),
                           .reg = reg(word, 20),
                           .offset = sign_extend12(bits(word, 31, 25) << 5 | bits(word, 11, 7))};
}

/// Half, single and double precision; quad has no registers here, and vectors are not for guests.
Decoded floating(std::uint32_t word, Decoded (*decode)(std::uint32_t)) {
  const std::uint32_t funct3 = bits(word, 14, 12);
  if (funct3 < 1 || funct3 > 3) return std::nullopt;
  Decoded decoded = decode(word);
  if (decoded) {
    decoded->is_float = true;
    decoded->sign_extend = false;
  }
  return decoded;
}

Decoded atomic(std::uint32_t word) {
  const std::uint32_t funct3 = bits(word, 14, 12);
  if (funct3 > 3) return std::nullopt;
  return MemoryInstruction{
      .kind = Kind::Atomic, .width = width_of(funct3), .base = reg(word, 15), .reg = reg(word, 7)};
}

Decoded cache_block(std::uint32_t word) {
  const std::uint32_t operation = bits(word, 31, 20);
  if (bits(word, 14, 12) != 2 || bits(word, 11, 7) != 0) return std::nullopt;
  if (operation != 4 && operation > 2) return std::nullopt;
  return MemoryInstruction{.kind = operation == 4 ? Kind::ZeroBlock : Kind::CacheMaintenance,
                           .base = reg(word, 15)};
}

Decoded decode_long(std::uint32_t word) {
  switch (word & 0x7f) {
    case kLoad: return load(word);
    case kLoadFp: return floating(word, load);
    case kMiscMem: return cache_block(word);
    case kStore: return store(word);
    case kStoreFp: return floating(word, store);
    case kAmo: return atomic(word);
    default: return std::nullopt;
  }
}

// --- compressed ----------------------------------------------------------------------------------

/// What the forms for words and doublewords, integer and floating, have in common. Their funct3 is
/// 1: FLD, 2: LW, 3: LD, 5: FSD, 6: SW, 7: SD.
MemoryInstruction compressed(std::uint32_t word) {
  const std::uint32_t funct3 = bits(word, 15, 13);
  const bool is_word = (funct3 & 3) == 2;
  const bool is_load = funct3 < 4;
  return {.kind = is_load ? Kind::Load : Kind::Store,
          .width = is_word ? AccessWidth::Dword : AccessWidth::Qword,
          .length = 2,
          .is_float = (funct3 & 3) == 1,
          .sign_extend = is_load && is_word};
}

/// Quadrant 0, Zcb: C.LBU, C.LHU, C.LH, C.SB, C.SH.
Decoded byte_or_half(std::uint32_t word) {
  const std::uint32_t form = bits(word, 12, 10);
  MemoryInstruction decoded{.length = 2, .base = short_reg(word, 7), .reg = short_reg(word, 2)};
  const bool is_half = form == 1 || form == 3;
  if (form > 3 || (form == 3 && bits(word, 6, 6) != 0)) return std::nullopt;
  decoded.kind = form < 2 ? Kind::Load : Kind::Store;
  decoded.width = is_half ? AccessWidth::Word : AccessWidth::Byte;
  decoded.sign_extend = form == 1 && bits(word, 6, 6) != 0;
  decoded.offset = static_cast<std::int32_t>(is_half ? bits(word, 5, 5) << 1
                                                     : bits(word, 5, 5) << 1 | bits(word, 6, 6));
  return decoded;
}

Decoded quadrant0(std::uint32_t word) {
  const std::uint32_t funct3 = bits(word, 15, 13);
  if (funct3 == 0) return std::nullopt;
  if (funct3 == 4) return byte_or_half(word);
  MemoryInstruction decoded = compressed(word);
  decoded.base = short_reg(word, 7);
  decoded.reg = short_reg(word, 2);
  const std::uint32_t offset =
      decoded.width == AccessWidth::Dword
          ? bits(word, 12, 10) << 3 | bits(word, 6, 6) << 2 | bits(word, 5, 5) << 6
          : bits(word, 12, 10) << 3 | bits(word, 6, 5) << 6;
  decoded.offset = static_cast<std::int32_t>(offset);
  return decoded;
}

/// Relative to the stack pointer.
Decoded quadrant2(std::uint32_t word) {
  const std::uint32_t funct3 = bits(word, 15, 13);
  if ((funct3 & 3) == 0) return std::nullopt;
  MemoryInstruction decoded = compressed(word);
  decoded.base = 2;
  const bool is_word = decoded.width == AccessWidth::Dword;
  std::uint32_t offset = 0;
  if (decoded.kind == Kind::Load) {
    decoded.reg = reg(word, 7);
    if (decoded.reg == 0 && !decoded.is_float) return std::nullopt;
    offset = is_word ? bits(word, 12, 12) << 5 | bits(word, 6, 4) << 2 | bits(word, 3, 2) << 6
                     : bits(word, 12, 12) << 5 | bits(word, 6, 5) << 3 | bits(word, 4, 2) << 6;
  } else {
    decoded.reg = reg(word, 2);
    offset = is_word ? bits(word, 12, 9) << 2 | bits(word, 8, 7) << 6
                     : bits(word, 12, 10) << 3 | bits(word, 9, 7) << 6;
  }
  decoded.offset = static_cast<std::int32_t>(offset);
  return decoded;
}

}  // namespace

std::optional<MemoryInstruction> decode_memory_instruction(std::uint32_t word) noexcept {
  switch (word & 3) {
    case 0: return quadrant0(word & 0xffff);
    case 2: return quadrant2(word & 0xffff);
    case 3: return decode_long(word);
    default: return std::nullopt;
  }
}

std::optional<MemoryInstruction> decode_transformed(std::uint32_t htinst) noexcept {
  // Bit 1 clear: a compressed instruction, given in its long form.
  Decoded decoded = (htinst & 1) != 0 ? decode_long(htinst | 2) : std::nullopt;
  if (!decoded) return std::nullopt;
  decoded->length = (htinst & 2) != 0 ? 4 : 2;
  decoded->offset = 0;
  return decoded;
}

}  // namespace axvm::riscv64
