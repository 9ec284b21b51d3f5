#pragma once
// What follows each opcode: APM Vol. 3 A.1, tables, with Intel's own
// instructions from SDM Vol. 2D A.3 where AMD has none of the same encoding.

#include <array>
#include <cstdint>
#include <string_view>

namespace axvm::x86_64 {

/// Bytes behind the opcode and its ModRM.
enum class Immediate : std::uint8_t {
  None,
  Byte,
  Word,
  WordAndByte,  ///< ENTER
  TwoBytes,     ///< EXTRQ, INSERTQ
  OperandSize,  ///< 2 or 4 bytes
  Near,         ///< a branch's displacement, 2 or 4 bytes
  Full,         ///< MOV's: 2, 4 or 8 bytes
  Offset,       ///< of the address' size: 2, 4 or 8 bytes
  FarPointer,   ///< 4 or 6 bytes
  Dword,
};

/// What an opcode needs behind it, and where it is none.
struct OpcodeShape {
  enum class ModRm : std::uint8_t {
    None,
    Any,
    Memory,    ///< a register is undefined
    Register,  ///< memory is undefined
    Control,   ///< always registers, whatever mod says (MOV CRn, MOV DRn)
  };

  bool is_defined = false;
  bool in_64bit_mode = false;
  ModRm modrm = ModRm::None;
  Immediate immediate = Immediate::None;
};

/// A letter of the maps below.
[[nodiscard]] constexpr OpcodeShape opcode_shape(char letter) noexcept {
  using enum OpcodeShape::ModRm;
  switch (letter) {
    case '-': return {true, true, None, Immediate::None};
    case '!': return {true, false, None, Immediate::None};
    case 'b': return {true, true, None, Immediate::Byte};
    case 'i': return {true, false, None, Immediate::Byte};
    case 'w': return {true, true, None, Immediate::Word};
    case 'e': return {true, true, None, Immediate::WordAndByte};
    case 'z': return {true, true, None, Immediate::OperandSize};
    case 'j': return {true, true, None, Immediate::Near};
    case 'v': return {true, true, None, Immediate::Full};
    case 'o': return {true, true, None, Immediate::Offset};
    case 'f': return {true, false, None, Immediate::FarPointer};
    case 'm': return {true, true, Any, Immediate::None};
    case 'B': return {true, true, Any, Immediate::Byte};
    case 'I': return {true, false, Any, Immediate::Byte};
    case 'Z': return {true, true, Any, Immediate::OperandSize};
    case 'M': return {true, true, Memory, Immediate::None};
    case 'L': return {true, false, Memory, Immediate::None};
    case 'R': return {true, true, Register, Immediate::None};
    case 'S': return {true, true, Register, Immediate::Byte};
    case 'c': return {true, true, Control, Immediate::None};
    default: return {};  // '.' undefined; 'p' a prefix or an escape, which is never looked up
  }
}

using OpcodeMapTable = std::array<OpcodeShape, 256>;

[[nodiscard]] consteval OpcodeMapTable opcode_map(std::string_view letters) {
  OpcodeMapTable table{};
  for (std::size_t n = 0; n < table.size(); ++n) table[n] = opcode_shape(letters[n]);
  return table;
}

/// Tables. Groups are in opcode_groups.hpp; F6 and F7 have an immediate with some.
inline constexpr OpcodeMapTable kPrimaryMap = opcode_map(
    "mmmmbz!!mmmmbz!p"    // 00
    "mmmmbz!!mmmmbz!!"    // 10
    "mmmmbzp!mmmmbzp!"    // 20
    "mmmmbzp!mmmmbzp!"    // 30
    "!!!!!!!!!!!!!!!!"    // 40: INC, DEC; in 64-bit mode prefixes
    "----------------"    // 50
    "!!LmppppzZbB----"    // 60: 62 is EVEX's, too
    "bbbbbbbbbbbbbbbb"    // 70
    "BZIBmmmmmmmmmMmm"    // 80: 8F is XOP's, too
    "----------f-----"    // 90
    "oooo----bz------"    // a0
    "bbbbbbbbvvvvvvvv"    // b0
    "BBw-LLBZe-w--b!-"    // c0: C4 and C5 are VEX's, too
    "mmmmii!-mmmmmmmm"    // d0
    "bbbbbbbbjjfb----"    // e0
    "p-pp--mm------mm");  // f0

/// Tables.
inline constexpr OpcodeMapTable kSecondaryMap = opcode_map(
    "mmmm.-----.-.m-B"    // 00: the last one is 3DNow!
    "mmmMmmmMmmmmmmmm"    // 10
    "cccc....mmmMmmmm"    // 20
    "------.-p.p....."    // 30
    "mmmmmmmmmmmmmmmm"    // 40
    "Rmmmmmmmmmmmmmmm"    // 50
    "mmmmmmmmmmmmmmmm"    // 60
    "BSSSmmm-mm..mmmm"    // 70: 78 has immediates with some prefixes
    "jjjjjjjjjjjjjjjj"    // 80
    "mmmmmmmmmmmmmmmm"    // 90
    "---mBm..---mBmmm"    // a0
    "mmMmMMmmm-Bmmmmm"    // b0: UD1 has no ModRM with AMD
    "mmBMBSBm--------"    // c0
    "mmmmmmmRmmmmmmmm"    // d0
    "mmmmmmmMmmmmmmmm"    // e0
    "MmmmmmmRmmmmmmm-");  // f0: nor has UD0

/// Tables.
inline constexpr OpcodeMapTable kSecondary38Map = opcode_map(
    "mmmmmmmmmmmm...."    // 00
    "m...mm.m....mmm."    // 10
    "mmmmmm..mmMm...."    // 20
    "mmmmmm.mmmmmmmmm"    // 30
    "mm.............."    // 40
    "................"    // 50
    "................"    // 60
    "................"    // 70
    "MMM............."    // 80
    "................"    // 90
    "................"    // a0
    "................"    // b0
    "........mmmmmm.m"    // c0
    "........m..mmmmm"    // d0
    "................"    // e0
    "mm...Mm.MM......");  // f0

/// Tables.
inline constexpr OpcodeMapTable kSecondary3AMap = opcode_map(
    "........BBBBBBBB"    // 00
    "....BBBB........"    // 10
    "BBB............."    // 20
    "................"    // 30
    "BBB.B..........."    // 40
    "................"    // 50
    "BBBB............"    // 60
    "................"    // 70
    "................"    // 80
    "................"    // 90
    "................"    // a0
    "................"    // b0
    "............B.BB"    // c0
    "...............B"    // d0
    "................"    // e0
    "S...............");  // f0

}  // namespace axvm::x86_64
