#pragma once
// RISC-V loads, stores and what else accesses memory, decoded from the instruction ("RV32I",
// "RV64I", "A", "F", "D", "C", "Zcb", "Zfh", "CMO") or from its transformed form in htinst.

#include <core/devices/device.hpp>
#include <cstdint>
#include <optional>

namespace axvm::riscv64 {

struct MemoryInstruction {
  enum class Kind : std::uint8_t {
    Load,
    Store,
    Atomic,            ///< LR, SC, AMO*: indivisible
    ZeroBlock,         ///< CBO.ZERO
    CacheMaintenance,  ///< CBO.CLEAN, CBO.FLUSH, CBO.INVAL
  };

  Kind kind = Kind::Load;
  AccessWidth width = AccessWidth::Byte;  ///< Load, Store, Atomic: bytes accessed
  std::uint8_t length = 4;                ///< of the instruction in bytes: 2 or 4
  std::uint8_t base = 0;                  ///< the register with the address
  std::uint8_t reg = 0;                   ///< Load, Store: the register transferred
  bool is_float = false;                  ///< it is f0..f31
  bool sign_extend = false;               ///< Load into x1..x31
  std::int32_t offset = 0;                ///< added to the base

  /// The address of the first byte; `base_value` is what the base register holds.
  [[nodiscard]] constexpr std::uint64_t address(std::uint64_t base_value) const noexcept {
    return base_value + static_cast<std::uint64_t>(std::int64_t{offset});
  }
  /// Load: what the register holds when memory answers `value`, zero-extended. Narrow numbers in
  /// f registers are NaN-boxed ("D", "NaN Boxing of Narrower Values").
  [[nodiscard]] constexpr std::uint64_t loaded(std::uint64_t value) const noexcept {
    const unsigned unused = 64 - 8 * bytes(width);
    if (unused == 0) return value;
    if (is_float) return value | ~std::uint64_t{0} << (64 - unused);
    if (!sign_extend) return value;
    return static_cast<std::uint64_t>(static_cast<std::int64_t>(value << unused) >> unused);
  }

  friend constexpr bool operator==(const MemoryInstruction&, const MemoryInstruction&) = default;
};

/// Whether the instruction that begins with this halfword has 32 bits rather than 16.
[[nodiscard]] constexpr bool is_long(std::uint16_t first) noexcept { return (first & 3) == 3; }

/// `word` is an instruction of 32 bits, or one of 16 with the upper half zero. Nothing for one that
/// accesses no memory.
[[nodiscard]] std::optional<MemoryInstruction> decode_memory_instruction(
    std::uint32_t word) noexcept;

/// A transformed instruction of htinst (bit 0 is set). The base is not told: `base` is the distance
/// of the first byte that was refused, which stval names, from the access' first, and `offset` 0.
/// Nothing for one of another kind.
[[nodiscard]] std::optional<MemoryInstruction> decode_transformed(std::uint32_t htinst) noexcept;

}  // namespace axvm::riscv64
