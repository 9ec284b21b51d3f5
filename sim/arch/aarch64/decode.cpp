#include <bit>
#include <sim/arch/aarch64/decode.hpp>
#include <sim/bits.hpp>

// Encodings: DDI 0487 C4.1.94 "Loads and Stores" (op0 x1x0 in bits 28:25), one function per row of
// its table; names of the fields as there.

namespace axvm::sim::aarch64 {

namespace {

using Addressing = MemoryInstruction::Addressing;
using Decoded = std::optional<MemoryInstruction>;
using Word = std::uint32_t;

constexpr unsigned bits(Word word, unsigned high, unsigned low) noexcept {
  return static_cast<unsigned>(field(word, high, low));
}
constexpr std::int64_t signed_bits(Word word, unsigned high, unsigned low) noexcept {
  const unsigned width = high - low + 1;
  return static_cast<std::int64_t>(field(word, high, low) << (64 - width)) >> (64 - width);
}
constexpr std::uint8_t bytes(unsigned log2_size, unsigned registers = 1) noexcept {
  return static_cast<std::uint8_t>((1U << log2_size) * registers);
}

MemoryInstruction with_base(Word word) noexcept {
  MemoryInstruction i;
  i.rn = static_cast<std::uint8_t>(bits(word, 9, 5));
  return i;
}

/// One general-purpose register, no writeback: what ISV stands for.
void describe_register(MemoryInstruction& i, Word word, unsigned size, bool sign_extend,
                       bool sixty_four) noexcept {
  i.syndrome_valid = true;
  i.access_size = static_cast<std::uint8_t>(size);
  i.sign_extend = sign_extend;
  i.register_number = static_cast<std::uint8_t>(bits(word, 4, 0));
  i.sixty_four = sixty_four;
  i.acquire_release = i.is_ordered;
}

/// Fills in direction and width by size, V and opc, which all single-register forms share.
/// False: unallocated.
bool single_register(MemoryInstruction& i, Word word, bool may_prefetch) noexcept {
  const unsigned size = bits(word, 31, 30);
  const unsigned opc = bits(word, 23, 22);
  if (bit(word, 26)) {
    const unsigned log2_size = size | ((opc & 2) << 1);
    if (log2_size > 4) return false;
    i.is_simd = true;
    i.is_load = (opc & 1) != 0;
    i.is_store = !i.is_load;
    i.access_bytes = bytes(log2_size);
    return true;
  }
  if (size == 3 && opc == 2) {
    i.is_prefetch = true;
    return may_prefetch;
  }
  if ((size == 3 || size == 2) && opc == 3) return false;
  i.is_store = opc == 0;
  i.is_load = !i.is_store;
  i.access_bytes = bytes(size);
  const bool sign_extend = opc >= 2;
  const bool sixty_four = opc == 2 || (opc < 2 && size == 3);
  if (!i.writeback) describe_register(i, word, size, sign_extend, sixty_four);
  return true;
}

/// The 64-byte block of DC ZVA is DCZID_EL0.BS = 4, which all supported cores have.
constexpr std::uint8_t kZeroBlock = 64;

/// SYS with CRn = 7: DC and IC by VA, and AT, whose aborts look alike.
Decoded cache_operation(Word word) noexcept {
  const unsigned op1 = bits(word, 18, 16);
  const unsigned crm = bits(word, 11, 8);
  const unsigned op2 = bits(word, 7, 5);
  if (bits(word, 15, 12) != 7) return std::nullopt;
  const bool translation = op1 == 0 && crm == 8 && op2 <= 3;  // AT S1E1R …
  if (op2 != 1 && !translation) return std::nullopt;
  MemoryInstruction i;
  i.rn = static_cast<std::uint8_t>(bits(word, 4, 0));
  i.addressing = Addressing::Argument;
  if (op1 == 3 && crm == 4) {
    i.is_dc_zva = true;
    i.is_store = true;
    i.access_bytes = kZeroBlock;
    return i;
  }
  i.is_cache_maintenance = true;
  i.is_load = true;
  if (translation || (op1 == 0 && crm == 6)) return i;  // DC IVAC
  if (op1 != 3) return std::nullopt;
  switch (crm) {
    case 5:   // IC IVAU
    case 10:  // DC CVAC
    case 11:  // DC CVAU
    case 12:  // DC CVAP
    case 13:  // DC CVADP
    case 14:  // DC CIVAC
      return i;
    default: return std::nullopt;
  }
}

/// LDXR, STXR, LDXP, LDAR, STLR, LDLAR, STLLR, CAS, CASP.
Decoded exclusive_or_ordered(Word word) noexcept {
  const unsigned size = bits(word, 31, 30);
  const bool o2 = bit(word, 23);
  const bool load = bit(word, 22);
  const bool o1 = bit(word, 21);
  const bool o0 = bit(word, 15);
  MemoryInstruction i = with_base(word);
  i.is_load = load;
  i.is_store = !load;
  i.access_bytes = bytes(size);
  if (o2 && !o1) {  // LDAR, STLR; LDLAR, STLLR without o0
    i.is_ordered = true;
    describe_register(i, word, size, false, size == 3);
    return i;
  }
  const bool compare_and_swap = bits(word, 14, 10) == 0b11111;
  if (o1 && (o2 || size < 2)) {  // CAS; CASP
    if (!compare_and_swap) return std::nullopt;
    i.is_atomic = i.is_load = i.is_store = true;
    i.is_ordered = load || o0;
    i.is_pair = !o2;
    if (i.is_pair) i.access_bytes = bytes(2 + (size & 1), 2);
    return i;
  }
  i.is_exclusive = true;
  i.is_ordered = o0;
  i.is_pair = o1;
  if (i.is_pair) i.access_bytes = bytes(size, 2);
  return i;
}

/// LDAPUR, LDAPURS*, STLUR.
Decoded ordered_unscaled(Word word) noexcept {
  const unsigned size = bits(word, 31, 30);
  const unsigned opc = bits(word, 23, 22);
  if (bit(word, 21) || (size == 3 && opc >= 2) || (size == 2 && opc == 3)) return std::nullopt;
  MemoryInstruction i = with_base(word);
  i.addressing = Addressing::Immediate;
  i.offset = signed_bits(word, 20, 12);
  i.is_ordered = true;
  return single_register(i, word, false) ? Decoded{i} : std::nullopt;
}

/// LDR, LDRSW and PRFM of a literal.
Decoded literal(Word word) noexcept {
  const unsigned opc = bits(word, 31, 30);
  MemoryInstruction i;
  i.addressing = Addressing::Literal;
  i.offset = signed_bits(word, 23, 5) * 4;
  i.is_load = true;
  if (bit(word, 26)) {
    if (opc == 3) return std::nullopt;
    i.is_simd = true;
    i.access_bytes = bytes(opc + 2);
    return i;
  }
  if (opc == 3) {
    i.is_load = false;
    i.is_prefetch = true;
    return i;
  }
  const unsigned size = opc == 1 ? 3 : 2;
  i.access_bytes = bytes(size);
  describe_register(i, word, size, opc == 2, opc != 0);
  return i;
}

/// LDP, STP, LDNP, STNP, LDPSW.
Decoded pair(Word word) noexcept {
  const unsigned opc = bits(word, 31, 30);
  const unsigned mode = bits(word, 24, 23);  // 0 no-allocate, 1 post-index, 2 offset, 3 pre-index
  MemoryInstruction i = with_base(word);
  i.is_pair = true;
  i.is_load = bit(word, 22);
  i.is_store = !i.is_load;
  i.is_simd = bit(word, 26);
  i.writeback = (mode & 1) != 0;
  if (opc == 3) return std::nullopt;
  // opc 1 of the general-purpose registers: LDPSW only (STGP is Armv8.5).
  if (opc == 1 && !i.is_simd && (!i.is_load || mode == 0)) return std::nullopt;
  const unsigned log2_size = i.is_simd ? opc + 2 : 2 + (opc >> 1);
  i.access_bytes = bytes(log2_size, 2);
  if (mode == 1) return i;
  i.addressing = Addressing::Immediate;
  i.offset = signed_bits(word, 21, 15) * (std::int64_t{1} << log2_size);
  return i;
}

/// LDR, STR and kin: unscaled, post-index, unprivileged, pre-index.
Decoded nine_bit_offset(Word word) noexcept {
  const unsigned mode = bits(word, 11, 10);
  MemoryInstruction i = with_base(word);
  i.writeback = (mode & 1) != 0;
  i.unprivileged = mode == 2;
  if (i.unprivileged && bit(word, 26)) return std::nullopt;
  if (mode != 1) {
    i.addressing = Addressing::Immediate;
    i.offset = signed_bits(word, 20, 12);
  }
  return single_register(i, word, mode == 0) ? Decoded{i} : std::nullopt;
}

Decoded unsigned_offset(Word word) noexcept {
  MemoryInstruction i = with_base(word);
  if (!single_register(i, word, true)) return std::nullopt;
  i.addressing = Addressing::Immediate;
  const unsigned scale =
      i.is_prefetch ? 3 : static_cast<unsigned>(std::countr_zero(i.access_bytes));
  i.offset = static_cast<std::int64_t>(field(word, 21, 10) << scale);
  return i;
}

Decoded register_offset(Word word) noexcept {
  const unsigned option = bits(word, 15, 13);
  if ((option & 2) == 0) return std::nullopt;
  MemoryInstruction i = with_base(word);
  if (!single_register(i, word, true)) return std::nullopt;
  i.addressing = Addressing::Register;
  i.rm = static_cast<std::uint8_t>(bits(word, 20, 16));
  i.extend = static_cast<std::uint8_t>(option);
  const unsigned scale =
      i.is_prefetch ? 3 : static_cast<unsigned>(std::countr_zero(i.access_bytes));
  i.shift = static_cast<std::uint8_t>(bit(word, 12) ? scale : 0);
  return i;
}

/// LDADD and kin, SWP, LDAPR.
Decoded atomic(Word word) noexcept {
  const unsigned size = bits(word, 31, 30);
  const bool acquire = bit(word, 23);
  const bool release = bit(word, 22);
  const bool o3 = bit(word, 15);
  const unsigned opc = bits(word, 14, 12);
  if (bit(word, 26)) return std::nullopt;
  MemoryInstruction i = with_base(word);
  i.access_bytes = bytes(size);
  i.is_load = true;
  if (o3 && opc == 4) {  // LDAPR
    if (!acquire || release || bits(word, 20, 16) != 31) return std::nullopt;
    i.is_ordered = true;
    describe_register(i, word, size, false, size == 3);
    return i;
  }
  if (o3 && opc != 0) return std::nullopt;
  i.is_store = true;
  i.is_atomic = true;
  i.is_ordered = acquire || release;
  return i;
}

/// LDRAA, LDRAB: the address is the authenticated base, whose pointer authentication code is not
/// part of it, plus the offset.
Decoded authenticated(Word word) noexcept {
  if (bits(word, 31, 30) != 3 || bit(word, 26)) return std::nullopt;
  MemoryInstruction i = with_base(word);
  i.is_load = true;
  i.writeback = bit(word, 11);
  i.access_bytes = 8;
  i.addressing = Addressing::Immediate;
  const std::int64_t sign = bit(word, 22) ? -512 : 0;
  i.offset = (sign + static_cast<std::int64_t>(field(word, 20, 12))) * 8;
  if (!i.writeback) describe_register(i, word, 3, false, true);
  return i;
}

/// LD1..LD4, ST1..ST4 of whole registers.
Decoded simd_multiple(Word word) noexcept {
  unsigned registers = 0;
  switch (bits(word, 15, 12)) {
    case 0b0000:  // LD4
    case 0b0010:  // LD1, four registers
      registers = 4;
      break;
    case 0b0100:  // LD3
    case 0b0110: registers = 3; break;
    case 0b1000:  // LD2
    case 0b1010: registers = 2; break;
    case 0b0111: registers = 1; break;
    default: return std::nullopt;
  }
  const bool interleaved = (bits(word, 15, 12) & 0b0010) == 0;
  const bool quad = bit(word, 30);
  if (interleaved && bits(word, 11, 10) == 3 && !quad) return std::nullopt;
  MemoryInstruction i = with_base(word);
  i.is_simd = true;
  i.is_load = bit(word, 22);
  i.is_store = !i.is_load;
  i.writeback = bit(word, 23);
  i.access_bytes = bytes(quad ? 4 : 3, registers);
  return i;
}

/// LD1..LD4, ST1..ST4 of one lane, LD1R..LD4R.
Decoded simd_single(Word word) noexcept {
  const unsigned opcode = bits(word, 15, 13);
  const unsigned size = bits(word, 11, 10);
  const bool s = bit(word, 12);
  const unsigned registers = ((opcode & 1) << 1) + (bit(word, 21) ? 1 : 0) + 1;
  MemoryInstruction i = with_base(word);
  i.is_simd = true;
  i.is_load = bit(word, 22);
  i.is_store = !i.is_load;
  i.writeback = bit(word, 23);
  unsigned log2_size = opcode >> 1;
  switch (opcode >> 1) {
    case 0: break;
    case 1:
      if ((size & 1) != 0) return std::nullopt;
      break;
    case 2:
      if (size > 1 || (size == 1 && s)) return std::nullopt;
      log2_size = 2 + size;
      break;
    default:  // replicate
      if (!i.is_load || s) return std::nullopt;
      log2_size = size;
      break;
  }
  i.access_bytes = bytes(log2_size, registers);
  return i;
}

/// Bits 29:24 are 0b0011x0.
Decoded simd_structures(Word word) noexcept {
  if (bit(word, 31)) return std::nullopt;
  const bool post_index = bit(word, 23);
  const bool single = bit(word, 24);
  if (!post_index && bits(word, 20, 16) != 0) return std::nullopt;
  if (single) return simd_single(word);
  return bit(word, 21) ? std::nullopt : simd_multiple(word);
}

Decoded decode(Word word) noexcept {
  if ((word & 0xfff8'0000) == 0xd508'0000) return cache_operation(word);
  if ((word & 0x0a00'0000) != 0x0800'0000) return std::nullopt;
  switch (bits(word, 29, 28)) {
    case 0:
      if (bit(word, 26)) return simd_structures(word);
      return bit(word, 24) ? std::nullopt : exclusive_or_ordered(word);
    case 1:
      if (!bit(word, 24)) return literal(word);
      return bit(word, 26) || bits(word, 11, 10) != 0 ? std::nullopt : ordered_unscaled(word);
    case 2: return pair(word);
    default: break;
  }
  if (bit(word, 24)) return unsigned_offset(word);
  if (!bit(word, 21)) return nine_bit_offset(word);
  switch (bits(word, 11, 10)) {
    case 0: return atomic(word);
    case 2: return register_offset(word);
    default: return authenticated(word);
  }
}

/// log2 of the size of one element of LD1..LD4 and their kin.
unsigned structure_element(Word word) noexcept {
  if (!bit(word, 24)) return bits(word, 11, 10);
  const unsigned scale = bits(word, 15, 14);
  if (scale == 3) return bits(word, 11, 10);
  return scale == 2 ? 2 + (bits(word, 11, 10) & 1) : scale;
}

}  // namespace

std::optional<MemoryInstruction> decode_memory_instruction(std::uint32_t word) noexcept {
  Decoded i = decode(word);
  if (!i) return i;
  const bool structures = (word & 0x3e00'0000) == 0x0c00'0000;
  i->element_bytes = structures   ? bytes(structure_element(word))
                     : i->is_pair ? static_cast<std::uint8_t>(i->access_bytes / 2)
                                  : i->access_bytes;
  return i;
}

}  // namespace axvm::sim::aarch64
