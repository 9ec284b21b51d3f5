#include <algorithm>
#include <optional>
#include <sim/arch/x86_64/decode.hpp>
#include <string_view>

namespace axvm::sim::x86_64 {
namespace {

// What follows each opcode: '.' nothing; 'm' ModRM; 'r' ModRM whose operands are registers;
// 'b', 'w' an immediate of one or two bytes; 'z' of two or four, 'v' of two, four or eight, by
// operand size; 'B', 'Z' ModRM and such an immediate; 'g', 'G' the same if it is TEST; 'o' an
// address; 'f' a far pointer; 'e' ENTER's operands.
constexpr std::string_view kOneByte =
    "mmmmbz..mmmmbz..mmmmbz..mmmmbz.."   // 00
    "mmmmbz..mmmmbz..mmmmbz..mmmmbz.."   // 20
    "................................"   // 40
    "..mm....zZbB....bbbbbbbbbbbbbbbb"   // 60
    "BZBBmmmmmmmmmmmm..........f....."   // 80
    "oooo....bz......bbbbbbbbvvvvvvvv"   // a0
    "BBw.mmBZe.w..b..mmmmbb..mmmmmmmm"   // c0
    "bbbbbbbbzzfb..........gG......mm";  // e0
constexpr std::string_view kTwoByte =
    "mmmm.........m.Bmmmmmmmmmmmmmmmm"   // 00
    "rrrrmmmmmmmmmmmm................"   // 20
    "mmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmm"   // 40
    "mmmmmmmmmmmmmmmmBBBBmmm.mmmmmmmm"   // 60
    "zzzzzzzzzzzzzzzzmmmmmmmmmmmmmmmm"   // 80
    "...mBm.....mBmmmmmmmmmmmmmBmmmmm"   // a0
    "mmBmBBBm........mmmmmmmmmmmmmmmm"   // c0
    "mmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmm";  // e0
static_assert(kOneByte.size() == 256 && kTwoByte.size() == 256);

constexpr bool is_segment_prefix(std::uint8_t byte) noexcept {
  return byte == 0x26 || byte == 0x2e || byte == 0x36 || byte == 0x3e || byte == 0x64 ||
         byte == 0x65;
}

/// Takes bytes from the front.
class Reader {
 public:
  explicit Reader(std::span<const std::uint8_t> code) noexcept
      : code_(code.first(std::min(code.size(), kMaxInstructionBytes))) {}

  [[nodiscard]] std::optional<std::uint8_t> peek() const noexcept {
    if (at_ >= code_.size()) return std::nullopt;
    return code_[at_];
  }
  /// 0 behind the end, which good() tells.
  std::uint64_t take(unsigned bytes) noexcept {
    std::uint64_t value = 0;
    good_ = good_ && bytes <= code_.size() - at_;
    if (!good_) return 0;
    for (unsigned n = 0; n < bytes; ++n) value |= std::uint64_t{code_[at_++]} << (8 * n);
    return value;
  }
  [[nodiscard]] bool good() const noexcept { return good_; }
  [[nodiscard]] std::uint8_t position() const noexcept { return static_cast<std::uint8_t>(at_); }

 private:
  std::span<const std::uint8_t> code_;
  std::size_t at_ = 0;
  bool good_ = true;
};

class Decoder {
 public:
  Decoder(std::span<const std::uint8_t> code, CodeSize size) noexcept : in_(code), size_(size) {}

  Instruction run() noexcept {
    prefixes();
    opcode();
    operand_sizes();
    const char form = this->form();
    const bool registers_only = form == 'r';
    if (std::string_view("mrBZgG").contains(form)) modrm(registers_only);
    i_.immediate = in_.take(immediate_bytes(form));
    if (form == 'f') in_.take(2);
    if (form == 'e') in_.take(1);
    i_.length = in_.good() ? in_.position() : 0;
    return i_;
  }

 private:
  using Map = Instruction::Map;

  void prefixes() noexcept {
    for (;;) {
      const auto next = in_.peek();
      if (!next) return;
      const bool is_rex = size_ == CodeSize::Bits64 && (*next & 0xf0) == 0x40;
      if (is_segment_prefix(*next)) {
        i_.segment = *next;
      } else if (*next == 0x66) {
        other_operand_ = true;
      } else if (*next == 0x67) {
        other_address_ = true;
      } else if (*next == 0xf0) {
        i_.lock = true;
      } else if (*next == 0xf2 || *next == 0xf3) {
        i_.rep = *next == 0xf3;
        i_.repne = *next == 0xf2;
      } else if (!is_rex) {
        return;
      }
      // One that is not the last prefix does not count.
      i_.rex = is_rex ? *next : 0;
      in_.take(1);
    }
  }

  void opcode() noexcept {
    i_.opcode = static_cast<std::uint8_t>(in_.take(1));
    if (i_.opcode == 0xc4 || i_.opcode == 0xc5) {
      const auto next = in_.peek();
      // Otherwise LES and LDS, from memory.
      if (size_ == CodeSize::Bits64 || (next && *next >= 0xc0)) return vector_prefix();
    }
    if (i_.opcode != 0x0f) return;
    i_.map = Map::TwoByte;
    i_.opcode = static_cast<std::uint8_t>(in_.take(1));
    if (i_.opcode != 0x38 && i_.opcode != 0x3a) return;
    i_.map = i_.opcode == 0x38 ? Map::ThreeByte38 : Map::ThreeByte3a;
    i_.opcode = static_cast<std::uint8_t>(in_.take(1));
  }

  /// VEX: this machine has none of them, but they have a length.
  void vector_prefix() noexcept {
    const bool three = i_.opcode == 0xc4;
    const auto first = static_cast<std::uint8_t>(in_.take(1));
    i_.map = Map::TwoByte;
    if (three && (first & 31) == 2) i_.map = Map::ThreeByte38;
    if (three && (first & 31) == 3) i_.map = Map::ThreeByte3a;
    if (three) in_.take(1);
    i_.opcode = static_cast<std::uint8_t>(in_.take(1));
  }

  void operand_sizes() noexcept {
    const bool wide = (i_.rex & 8) != 0;
    const bool short_operand = (size_ == CodeSize::Bits16) != other_operand_;
    i_.operand_bytes = wide ? 8 : short_operand ? 2 : 4;
    switch (size_) {
      case CodeSize::Bits16: i_.address_bytes = other_address_ ? 4 : 2; break;
      case CodeSize::Bits32: i_.address_bytes = other_address_ ? 2 : 4; break;
      case CodeSize::Bits64: i_.address_bytes = other_address_ ? 4 : 8; break;
    }
  }

  [[nodiscard]] char form() const noexcept {
    switch (i_.map) {
      case Map::OneByte: return kOneByte[i_.opcode];
      case Map::TwoByte: return kTwoByte[i_.opcode];
      case Map::ThreeByte38: return 'm';
      case Map::ThreeByte3a: return 'B';
    }
    return '.';
  }

  void modrm(bool registers_only) noexcept {
    i_.has_modrm = true;
    i_.modrm = static_cast<std::uint8_t>(in_.take(1));
    if (registers_only) i_.modrm |= 0xc0;
    const unsigned mod = i_.modrm >> 6;
    const unsigned rm = i_.modrm & 7;
    if (mod == 3) return;
    i_.relative = size_ == CodeSize::Bits64;
    if (i_.address_bytes == 2) {
      displacement(mod == 1 ? 1 : mod == 2 || (mod == 0 && rm == 6) ? 2 : 0);
      return;
    }
    const bool has_sib = rm == 4;
    if (has_sib) i_.sib = static_cast<std::uint8_t>(in_.take(1));
    const unsigned base = has_sib ? i_.sib & 7U : rm;
    displacement(mod == 1 ? 1 : mod == 2 || (mod == 0 && base == 5) ? 4 : 0);
  }

  void displacement(unsigned bytes) noexcept {
    const std::uint64_t raw = in_.take(bytes);
    i_.displacement = bytes == 1   ? static_cast<std::int8_t>(raw)
                      : bytes == 2 ? static_cast<std::int16_t>(raw)
                                   : static_cast<std::int32_t>(raw);
  }

  [[nodiscard]] unsigned immediate_bytes(char form) const noexcept {
    const unsigned z = i_.operand_bytes == 2 ? 2 : 4;
    const bool test = i_.extension() < 2;
    switch (form) {
      case 'b':
      case 'B': return 1;
      case 'w':
      case 'e': return 2;
      case 'z':
      case 'Z':
      case 'f': return z;
      case 'v': return i_.operand_bytes;
      case 'o': return i_.address_bytes;
      case 'g': return test ? 1 : 0;
      case 'G': return test ? z : 0;
      default: return 0;
    }
  }

  Reader in_;
  CodeSize size_;
  Instruction i_;
  bool other_operand_ = false;
  bool other_address_ = false;
};

}  // namespace

Instruction decode(std::span<const std::uint8_t> code, CodeSize size) noexcept {
  return Decoder(code, size).run();
}

bool Instruction::modifies_memory() const noexcept {
  if (!has_memory()) return false;
  const unsigned x = extension();
  if (map == Map::OneByte) {
    // ADD, OR, ADC, SBB, AND, SUB, XOR; not CMP.
    if (opcode < 0x38) return (opcode & 7) < 2;
    if (opcode >= 0x80 && opcode <= 0x83) return x != 7;
    if (opcode == 0x86 || opcode == 0x87) return true;                             // XCHG
    if (opcode == 0xc0 || opcode == 0xc1 || (opcode & 0xfc) == 0xd0) return true;  // shifts
    if (opcode == 0xf6 || opcode == 0xf7) return x == 2 || x == 3;                 // NOT, NEG
    return (opcode == 0xfe || opcode == 0xff) && x < 2;                            // INC, DEC
  }
  if (map != Map::TwoByte) return false;
  switch (opcode) {
    case 0xa4:  // SHLD, SHRD
    case 0xa5:
    case 0xac:
    case 0xad:
    case 0xab:  // BTS, BTR, BTC
    case 0xb3:
    case 0xbb:
    case 0xb0:  // CMPXCHG
    case 0xb1:
    case 0xc0:  // XADD
    case 0xc1: return true;
    case 0xba: return x >= 5;
    case 0xc7: return x == 1;  // CMPXCHG8B, CMPXCHG16B
    default: return false;
  }
}

}  // namespace axvm::sim::x86_64
