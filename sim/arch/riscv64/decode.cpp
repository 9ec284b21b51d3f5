#include <sim/arch/riscv64/decode.hpp>
#include <sim/bits.hpp>

namespace axvm::sim::riscv64 {
namespace {

// Major opcodes, bits 6:0.
constexpr std::uint32_t kLoad = 0x03;
constexpr std::uint32_t kLoadFp = 0x07;
constexpr std::uint32_t kStore = 0x23;
constexpr std::uint32_t kStoreFp = 0x27;
constexpr std::uint32_t kAmo = 0x2f;

constexpr std::uint32_t bits(std::uint32_t word, unsigned high, unsigned low) noexcept {
  return static_cast<std::uint32_t>(field(word, high, low));
}

constexpr std::int64_t sign_extended_12(std::uint32_t immediate) noexcept {
  return static_cast<std::int32_t>(immediate << 20) >> 20;
}

constexpr std::uint32_t load(std::uint32_t opcode, unsigned width, unsigned rd, unsigned rs1,
                             std::uint32_t offset) noexcept {
  return opcode | rd << 7 | width << 12 | rs1 << 15 | offset << 20;
}

constexpr std::uint32_t store(std::uint32_t opcode, unsigned width, unsigned rs2, unsigned rs1,
                              std::uint32_t offset) noexcept {
  return opcode | bits(offset, 4, 0) << 7 | width << 12 | rs1 << 15 | rs2 << 20 |
         bits(offset, 11, 5) << 25;
}

constexpr unsigned kWord = 2;
constexpr unsigned kDouble = 3;
constexpr unsigned kSp = 2;

// Zero-extended, scaled offsets of the compressed forms.
constexpr std::uint32_t offset_cl_w(std::uint32_t c) {
  return bits(c, 12, 10) << 3 | bits(c, 6, 6) << 2 | bits(c, 5, 5) << 6;
}
constexpr std::uint32_t offset_cl_d(std::uint32_t c) {
  return bits(c, 12, 10) << 3 | bits(c, 6, 5) << 6;
}
constexpr std::uint32_t offset_ci_w(std::uint32_t c) {
  return bits(c, 12, 12) << 5 | bits(c, 6, 4) << 2 | bits(c, 3, 2) << 6;
}
constexpr std::uint32_t offset_ci_d(std::uint32_t c) {
  return bits(c, 12, 12) << 5 | bits(c, 6, 5) << 3 | bits(c, 4, 2) << 6;
}
constexpr std::uint32_t offset_css_w(std::uint32_t c) {
  return bits(c, 12, 9) << 2 | bits(c, 8, 7) << 6;
}
constexpr std::uint32_t offset_css_d(std::uint32_t c) {
  return bits(c, 12, 10) << 3 | bits(c, 9, 7) << 6;
}

std::optional<std::uint32_t> expand_quadrant_0(std::uint32_t c) noexcept {
  const unsigned reg = bits(c, 4, 2) + 8;
  const unsigned rs1 = bits(c, 9, 7) + 8;
  switch (bits(c, 15, 13)) {
    case 0b001: return load(kLoadFp, kDouble, reg, rs1, offset_cl_d(c));
    case 0b010: return load(kLoad, kWord, reg, rs1, offset_cl_w(c));
    case 0b011: return load(kLoad, kDouble, reg, rs1, offset_cl_d(c));
    case 0b101: return store(kStoreFp, kDouble, reg, rs1, offset_cl_d(c));
    case 0b110: return store(kStore, kWord, reg, rs1, offset_cl_w(c));
    case 0b111: return store(kStore, kDouble, reg, rs1, offset_cl_d(c));
    default: return std::nullopt;
  }
}

std::optional<std::uint32_t> expand_quadrant_2(std::uint32_t c) noexcept {
  const unsigned rd = bits(c, 11, 7);
  const unsigned rs2 = bits(c, 6, 2);
  switch (bits(c, 15, 13)) {
    case 0b001: return load(kLoadFp, kDouble, rd, kSp, offset_ci_d(c));
    case 0b010:
      if (rd == 0) return std::nullopt;  // reserved
      return load(kLoad, kWord, rd, kSp, offset_ci_w(c));
    case 0b011:
      if (rd == 0) return std::nullopt;
      return load(kLoad, kDouble, rd, kSp, offset_ci_d(c));
    case 0b101: return store(kStoreFp, kDouble, rs2, kSp, offset_css_d(c));
    case 0b110: return store(kStore, kWord, rs2, kSp, offset_css_w(c));
    case 0b111: return store(kStore, kDouble, rs2, kSp, offset_css_d(c));
    default: return std::nullopt;
  }
}

std::optional<MemoryInstruction> decode_atomic(std::uint32_t word) noexcept {
  const std::uint32_t width = bits(word, 14, 12);
  if (width != kWord && width != kDouble) return std::nullopt;
  MemoryInstruction i;
  switch (bits(word, 31, 27)) {
    case 0b00010:
      if (bits(word, 24, 20) != 0) return std::nullopt;
      i.kind = MemoryInstruction::Kind::LoadReserved;
      break;
    case 0b00011: i.kind = MemoryInstruction::Kind::StoreConditional; break;
    case 0b00000:  // AMOADD
    case 0b00001:  // AMOSWAP
    case 0b00100:  // AMOXOR
    case 0b01000:  // AMOOR
    case 0b01100:  // AMOAND
    case 0b10000:  // AMOMIN
    case 0b10100:  // AMOMAX
    case 0b11000:  // AMOMINU
    case 0b11100:  // AMOMAXU
      i.kind = MemoryInstruction::Kind::Amo;
      break;
    default: return std::nullopt;
  }
  i.access_bytes = static_cast<std::uint8_t>(1U << width);
  i.transformed = word & 0xfff0'7fff;
  return i;
}

std::optional<MemoryInstruction> decode_word(std::uint32_t word) noexcept {
  using Kind = MemoryInstruction::Kind;
  const std::uint32_t width = bits(word, 14, 12);
  const bool float_width = width == kWord || width == kDouble;
  MemoryInstruction i;
  switch (bits(word, 6, 0)) {
    case kLoad:
      if (width == 0b111) return std::nullopt;
      i.offset = sign_extended_12(word >> 20);
      i.transformed = word & 0x0000'7fff;
      break;
    case kLoadFp:
      if (!float_width) return std::nullopt;
      i.floating = true;
      i.offset = sign_extended_12(word >> 20);
      i.transformed = word & 0x0000'7fff;
      break;
    case kStore:
    case kStoreFp:
      i.floating = bits(word, 6, 0) == kStoreFp;
      if (width > kDouble || (i.floating && !float_width)) return std::nullopt;
      i.kind = Kind::Store;
      i.offset = sign_extended_12(bits(word, 31, 25) << 5 | bits(word, 11, 7));
      i.transformed = word & 0x01f0'707f;
      break;
    case kAmo: {
      const auto atomic = decode_atomic(word);
      if (!atomic) return std::nullopt;
      i = *atomic;
      break;
    }
    default: return std::nullopt;
  }
  i.access_bytes = static_cast<std::uint8_t>(1U << (width & 3));
  i.rs1 = static_cast<std::uint8_t>(bits(word, 19, 15));
  return i;
}

}  // namespace

std::optional<std::uint32_t> expand_compressed(std::uint16_t instruction) noexcept {
  switch (instruction & 3) {
    case 0: return expand_quadrant_0(instruction);
    case 2: return expand_quadrant_2(instruction);
    default: return std::nullopt;
  }
}

std::optional<MemoryInstruction> decode_memory_instruction(std::uint32_t instruction) noexcept {
  if (instruction_bytes(instruction) == 4) return decode_word(instruction);
  const auto expanded = expand_compressed(static_cast<std::uint16_t>(instruction));
  if (!expanded) return std::nullopt;
  auto i = decode_word(*expanded);
  if (!i) return std::nullopt;
  i->instruction_bytes = 2;
  i->transformed &= ~2U;  // says that the instruction was a compressed one
  return i;
}

}  // namespace axvm::sim::riscv64
