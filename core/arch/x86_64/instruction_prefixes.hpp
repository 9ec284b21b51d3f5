#pragma once
// Prefixes, as the decoder's parts see them.

#include <core/arch/x86_64/instruction.hpp>
#include <cstdint>
#include <optional>

namespace axvm::x86_64 {

/// Prefixes before an opcode (APM Vol. 3 1.2). REX counts only right before the opcode.
struct Prefixes {
  bool operand_size = false;  ///< 66
  bool address_size = false;  ///< 67
  bool lock = false;          ///< F0
  Repeat repeat = Repeat::None;
  std::optional<Segment> segment;  ///< the last one; in 64-bit mode only FS and GS count
  std::optional<std::uint8_t> rex;

  [[nodiscard]] constexpr bool rex_w() const noexcept { return rex_bit(3); }
  /// What REX.R, REX.X and REX.B add to a register's number.
  [[nodiscard]] constexpr std::uint8_t rex_r() const noexcept { return rex_bit(2) ? 8 : 0; }
  [[nodiscard]] constexpr std::uint8_t rex_x() const noexcept { return rex_bit(1) ? 8 : 0; }
  [[nodiscard]] constexpr std::uint8_t rex_b() const noexcept { return rex_bit(0) ? 8 : 0; }

 private:
  [[nodiscard]] constexpr bool rex_bit(unsigned n) const noexcept {
    return rex && (*rex >> n & 1) != 0;
  }
};

/// Fills in what `i`, whose shape is known, does: from `operation` on. `immediate` is the last one,
/// sign-extended.
void decode_operation(Instruction& i, const Prefixes& prefixes, CodeSize code_size,
                      std::int64_t immediate) noexcept;

}  // namespace axvm::x86_64
