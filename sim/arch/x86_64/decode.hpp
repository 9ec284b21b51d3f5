#pragma once
// Instructions taken apart as far as the machine has to know them: how long they are, what they
// are, and whether they modify memory (APM Vol. 3, chapter 1 and appendix A).

#include <cstddef>
#include <cstdint>
#include <span>

namespace axvm::sim::x86_64 {

/// What operands and addresses of a code segment are by default.
enum class CodeSize : std::uint8_t { Bits16, Bits32, Bits64 };

/// No instruction is longer.
inline constexpr std::size_t kMaxInstructionBytes = 15;

struct Instruction {
  enum class Map : std::uint8_t { OneByte, TwoByte, ThreeByte38, ThreeByte3a };

  /// Bytes; 0: they were not enough, or more than kMaxInstructionBytes.
  std::uint8_t length = 0;
  Map map = Map::OneByte;
  std::uint8_t opcode = 0;
  /// 0 when there is none.
  std::uint8_t rex = 0;
  bool lock = false;
  bool rep = false;    ///< F3
  bool repne = false;  ///< F2
  /// The prefix's byte: 26, 2E, 36, 3E, 64 or 65; 0 when there is none.
  std::uint8_t segment = 0;
  bool has_modrm = false;
  std::uint8_t modrm = 0;
  /// 0 when there is none.
  std::uint8_t sib = 0;
  std::int32_t displacement = 0;
  /// In 64-bit code, where a displacement alone is relative to the next instruction.
  bool relative = false;
  /// 2, 4 or 8.
  std::uint8_t operand_bytes = 0;
  std::uint8_t address_bytes = 0;
  /// The first immediate operand, zero-extended.
  std::uint64_t immediate = 0;

  /// ModRM.reg and ModRM.rm with REX's bits.
  [[nodiscard]] constexpr unsigned reg() const noexcept {
    return static_cast<unsigned>(modrm >> 3 & 7) | static_cast<unsigned>(rex << 1 & 8);
  }
  [[nodiscard]] constexpr unsigned rm() const noexcept {
    return static_cast<unsigned>(modrm & 7) | static_cast<unsigned>(rex << 3 & 8);
  }
  /// ModRM.reg as a part of the opcode.
  [[nodiscard]] constexpr unsigned extension() const noexcept { return modrm >> 3 & 7; }
  [[nodiscard]] constexpr bool has_memory() const noexcept {
    return has_modrm && (modrm >> 6) != 3;
  }
  [[nodiscard]] constexpr bool is(Map m, std::uint8_t code) const noexcept {
    return length != 0 && map == m && opcode == code;
  }
  /// 0F 01 and a whole ModRM byte.
  [[nodiscard]] constexpr bool is_group7(std::uint8_t whole) const noexcept {
    return is(Map::TwoByte, 0x01) && modrm == whole;
  }
  /// The offset of its memory operand in its segment: `gpr(n)` is a general register, `next` the
  /// offset of the next instruction.
  template <class Gpr>
  [[nodiscard]] std::uint64_t effective_address(Gpr&& gpr, std::uint64_t next) const;
  /// Reads its memory operand in order to write it: a refused read is then a refused write.
  [[nodiscard]] bool modifies_memory() const noexcept;
};

/// The instruction at the beginning of `code`.
[[nodiscard]] Instruction decode(std::span<const std::uint8_t> code, CodeSize size) noexcept;

template <class Gpr>
std::uint64_t Instruction::effective_address(Gpr&& gpr, std::uint64_t next) const {
  constexpr unsigned kNone = 16;
  const unsigned mod = modrm >> 6;
  auto address = static_cast<std::uint64_t>(std::int64_t{displacement});
  const auto add = [&](unsigned n, unsigned scale) {
    if (n != kNone) address += gpr(n) << scale;
  };
  if (address_bytes == 2) {
    // BX, BP, SI, DI.
    constexpr unsigned kBases[8] = {3, 3, 5, 5, kNone, kNone, 5, 3};
    constexpr unsigned kIndexes[8] = {6, 7, 6, 7, 6, 7, kNone, kNone};
    const unsigned n = modrm & 7;
    if (mod != 0 || n != 6) add(kBases[n], 0);
    add(kIndexes[n], 0);
    return address & 0xffff;
  }
  if ((modrm & 7) == 4) {
    const unsigned index =
        static_cast<unsigned>(sib >> 3 & 7) | static_cast<unsigned>(rex << 2 & 8);
    const unsigned base = static_cast<unsigned>(sib & 7) | static_cast<unsigned>(rex << 3 & 8);
    if (mod != 0 || (sib & 7) != 5) add(base, 0);
    if (index != 4) add(index, sib >> 6);
  } else if (mod == 0 && (modrm & 7) == 5) {
    // Relative to RIP in 64-bit code.
    if (relative) address += next;
  } else {
    add(rm(), 0);
  }
  return address_bytes == 8 ? address : address & 0xffff'ffff;
}

}  // namespace axvm::sim::x86_64
