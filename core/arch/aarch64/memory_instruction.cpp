#include <core/arch/aarch64/memory_instruction.hpp>
#include <core/arch/aarch64/syndrome.hpp>

namespace axvm::aarch64 {
namespace {

using Kind = MemoryInstruction::Kind;
using Addressing = MemoryInstruction::Addressing;
using Decoded = std::optional<MemoryInstruction>;
using detail::bit;
using detail::field;

constexpr std::uint8_t register_at(std::uint32_t word, unsigned low) {
  return static_cast<std::uint8_t>(field(word, low + 4, low));
}
constexpr std::int64_t signed_field(std::uint32_t word, unsigned high, unsigned low) {
  const std::int64_t sign = std::int64_t{1} << (high - low);
  return (static_cast<std::int64_t>(field(word, high, low)) ^ sign) - sign;
}

/// What nearly all forms share: Rt in bits 4:0, the base in 9:5.
MemoryInstruction of_kind(Kind kind, std::uint32_t word) {
  return {.kind = kind, .rn = register_at(word, 5), .rt = register_at(word, 0)};
}

/// Kind, width and extension of the forms of one register, from size, V and opc.
Decoded one_register(std::uint32_t word) {
  const unsigned size = field(word, 31, 30);
  const unsigned opc = field(word, 23, 22);
  if (bit(word, 26)) {
    const unsigned log2_size = (opc & 2) << 1 | size;
    if (log2_size > 4) return std::nullopt;
    auto i = of_kind((opc & 1) != 0 ? Kind::Load : Kind::Store, word);
    i.is_simd = true;
    i.log2_size = static_cast<std::uint8_t>(log2_size);
    return i;
  }
  if (size == 3 && opc == 2) return of_kind(Kind::Prefetch, word);
  if (size >= 2 && opc == 3) return std::nullopt;  // nothing to extend
  auto i = of_kind(opc == 0 ? Kind::Store : Kind::Load, word);
  i.log2_size = static_cast<std::uint8_t>(size);
  i.sign_extend = opc >= 2;
  i.is_64bit = opc == 2 || size == 3;
  return i;
}

/// The scale of an immediate or register offset.
unsigned scale_of(const MemoryInstruction& i) { return i.kind == Kind::Prefetch ? 3 : i.log2_size; }

Decoded unsigned_offset(std::uint32_t word) {
  Decoded i = one_register(word);
  if (i) i->offset = static_cast<std::int64_t>(std::uint64_t{field(word, 21, 10)} << scale_of(*i));
  return i;
}

/// LDUR, post-index, LDTR, pre-index, by bits 11:10.
Decoded unscaled_offset(std::uint32_t word) {
  Decoded i = one_register(word);
  if (!i) return i;
  i->offset = signed_field(word, 20, 12);
  switch (field(word, 11, 10)) {
    case 0: return i;
    case 1: i->addressing = Addressing::PostIndex; break;
    case 2: i->unprivileged = true; break;
    default: i->addressing = Addressing::PreIndex; break;
  }
  if (i->kind == Kind::Prefetch || (i->unprivileged && i->is_simd)) return std::nullopt;
  return i;
}

Decoded register_offset(std::uint32_t word) {
  Decoded i = one_register(word);
  if (!i || !bit(word, 14)) return std::nullopt;  // option<1> = 0: narrower than a word
  i->addressing = Addressing::Register;
  i->rm = register_at(word, 16);
  i->extend = static_cast<std::uint8_t>(field(word, 15, 13));
  i->shift = static_cast<std::uint8_t>(bit(word, 12) ? scale_of(*i) : 0);
  return i;
}

/// LDADD, LDCLR…, SWP; LDAPR.
Decoded atomic_operation(std::uint32_t word) {
  if (bit(word, 26)) return std::nullopt;
  const unsigned operation = field(word, 15, 12);
  if (operation == 0b1100) {  // LDAPR: A = 1, R = 0, Rs = 31
    if (field(word, 23, 22) != 0b10 || register_at(word, 16) != 31) return std::nullopt;
    auto i = of_kind(Kind::Load, word);
    i.log2_size = static_cast<std::uint8_t>(field(word, 31, 30));
    i.is_64bit = i.log2_size == 3;
    return i;
  }
  if (operation > 0b1000) return std::nullopt;
  return of_kind(Kind::Atomic, word);
}

/// LDP, STP, LDPSW, LDNP, STNP.
Decoded pair(std::uint32_t word) {
  const unsigned opc = field(word, 31, 30);
  const unsigned form = field(word, 24, 23);
  const bool load = bit(word, 22);
  auto i = of_kind(load ? Kind::Load : Kind::Store, word);
  i.is_pair = true;
  i.rt2 = register_at(word, 10);
  i.is_simd = bit(word, 26);
  if (opc == 3) return std::nullopt;
  if (i.is_simd) {
    i.log2_size = static_cast<std::uint8_t>(2 + opc);
  } else {
    i.sign_extend = opc == 1;
    if (i.sign_extend && (!load || form == 0)) return std::nullopt;
    i.log2_size = opc == 2 ? 3 : 2;
    i.is_64bit = opc != 0;
  }
  i.offset = signed_field(word, 21, 15) * std::int64_t{i.register_bytes()};
  if (form == 1) i.addressing = Addressing::PostIndex;
  if (form == 3) i.addressing = Addressing::PreIndex;
  return i;
}

/// LDR, LDRSW, PRFM of a literal.
Decoded literal(std::uint32_t word) {
  const unsigned opc = field(word, 31, 30);
  auto i = of_kind(Kind::Load, word);
  i.rn = 0;
  i.addressing = Addressing::Literal;
  i.offset = signed_field(word, 23, 5) * 4;
  i.is_simd = bit(word, 26);
  if (opc == 3) {
    if (i.is_simd) return std::nullopt;
    i.kind = Kind::Prefetch;
  } else if (i.is_simd) {
    i.log2_size = static_cast<std::uint8_t>(2 + opc);
  } else {
    i.log2_size = opc == 1 ? 3 : 2;
    i.sign_extend = opc == 2;
    i.is_64bit = opc != 0;
  }
  return i;
}

/// LDAPUR, LDAPURS*, STLUR.
Decoded ordered_unscaled(std::uint32_t word) {
  if (bit(word, 26) || bit(word, 21) || field(word, 11, 10) != 0) return std::nullopt;
  Decoded i = one_register(word);
  if (!i || i->kind == Kind::Prefetch) return std::nullopt;
  i->offset = signed_field(word, 20, 12);
  return i;
}

/// LDAR, STLR, LDLAR, STLLR; exclusives, CAS and CASP.
Decoded ordered_or_exclusive(std::uint32_t word) {
  if (bit(word, 24)) return std::nullopt;
  const unsigned size = field(word, 31, 30);
  const bool o2 = bit(word, 23);
  const bool o1 = bit(word, 21);
  if (o2 && !o1) {
    auto i = of_kind(bit(word, 22) ? Kind::Load : Kind::Store, word);
    i.log2_size = static_cast<std::uint8_t>(size);
    i.is_64bit = size == 3;
    return i;
  }
  const bool compares = o1 && (o2 || size < 2);
  if (compares && register_at(word, 10) != 31) return std::nullopt;
  return of_kind(Kind::Atomic, word);
}

Decoded structure(std::uint32_t word) {
  const bool post_index = bit(word, 23);
  if (bit(word, 31) || (!post_index && register_at(word, 16) != 0)) return std::nullopt;
  return of_kind(Kind::Structure, word);
}

}  // namespace

Decoded decode_memory_instruction(std::uint32_t word) noexcept {
  if ((word & 0xffff'ffe0) == 0xd50b'7420) {
    return MemoryInstruction{.kind = Kind::ZeroBlock, .rn = register_at(word, 0)};
  }
  if ((word & 0x0a00'0000) != 0x0800'0000) return std::nullopt;
  switch (field(word, 29, 28)) {
    case 0: return bit(word, 26) ? structure(word) : ordered_or_exclusive(word);
    case 1: return bit(word, 24) ? ordered_unscaled(word) : literal(word);
    case 2: return pair(word);
    default: break;
  }
  if (bit(word, 24)) return unsigned_offset(word);
  if (!bit(word, 21)) return unscaled_offset(word);
  switch (field(word, 11, 10)) {
    case 0: return atomic_operation(word);
    case 2: return register_offset(word);
    default: return std::nullopt;  // LDRAA, LDRAB: guests have no pointer authentication
  }
}

std::uint64_t MemoryInstruction::address(std::uint64_t base, std::uint64_t index,
                                         std::uint64_t pc) const noexcept {
  const auto displacement = static_cast<std::uint64_t>(offset);
  switch (addressing) {
    case Addressing::Offset:
    case Addressing::PreIndex: return base + displacement;
    case Addressing::PostIndex: return base;
    case Addressing::Literal: return pc + displacement;
    case Addressing::Register: break;
  }
  if (extend == 0b010) index &= 0xffff'ffff;
  if (extend == 0b110) {
    constexpr std::uint64_t kSign = 1ULL << 31;
    index = ((index & 0xffff'ffff) ^ kSign) - kSign;
  }
  return base + (index << shift);
}

}  // namespace axvm::aarch64
