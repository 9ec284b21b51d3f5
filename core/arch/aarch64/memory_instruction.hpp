#pragma once
// A64 loads and stores that a syndrome does not describe (ISV = 0), decoded from the instruction
// word: DDI 0487 C4.1.94 "Loads and Stores", Armv8.0 to Armv8.4.

#include <cstdint>
#include <optional>

namespace axvm::aarch64 {

struct MemoryInstruction {
  enum class Kind : std::uint8_t {
    Load,
    Store,
    Prefetch,   ///< PRFM, PRFUM: a hint that accesses nothing
    ZeroBlock,  ///< DC ZVA: zeroes the aligned block that holds the address
    Atomic,     ///< exclusives, CAS, SWP, LDADD…: indivisible
    Structure,  ///< LD1..LD4, ST1..ST4 and their forms of one lane
  };
  /// What the address is, and what becomes of the base register.
  enum class Addressing : std::uint8_t {
    Offset,     ///< [Xn|SP, #offset]
    PreIndex,   ///< the same, and the base becomes the address
    PostIndex,  ///< [Xn|SP], and the base becomes base + offset
    Register,   ///< [Xn|SP, Rm, extend #shift]
    Literal,    ///< PC + offset
  };

  Kind kind = Kind::Load;
  Addressing addressing = Addressing::Offset;
  std::uint8_t rn = 0;          ///< base, 31 is SP; the operand of DC ZVA, where 31 is XZR
  std::uint8_t rt = 0;          ///< Load, Store: transferred first; 31 is XZR or V31
  std::uint8_t rt2 = 0;         ///< transferred second, with `is_pair`
  std::uint8_t rm = 0;          ///< Register: the offset, 31 is XZR
  std::uint8_t log2_size = 0;   ///< Load, Store: of the bytes of each register, 0..4
  bool is_pair = false;         ///< two registers, at adjacent addresses
  bool is_simd = false;         ///< B, H, S, D, Q registers instead of W and X
  bool sign_extend = false;     ///< Load of a general-purpose register
  bool is_64bit = false;        ///< the register is an X register
  bool unprivileged = false;    ///< LDTR, STTR: access as from EL0
  std::uint8_t extend = 0b011;  ///< Register: UXTW 010, LSL 011, SXTW 110, SXTX 111
  std::uint8_t shift = 0;       ///< Register: 0..4
  std::int64_t offset = 0;

  [[nodiscard]] constexpr unsigned register_bytes() const noexcept { return 1U << log2_size; }
  /// Load, Store: bytes accessed.
  [[nodiscard]] constexpr unsigned bytes() const noexcept { return 1U << (log2_size + is_pair); }
  [[nodiscard]] constexpr bool writes_back() const noexcept {
    return addressing == Addressing::PreIndex || addressing == Addressing::PostIndex;
  }

  /// The address of the first byte. `base` is the value of Rn or SP, `index` that of Rm.
  [[nodiscard]] std::uint64_t address(std::uint64_t base, std::uint64_t index,
                                      std::uint64_t pc) const noexcept;
  /// What the base register holds afterwards, with writes_back().
  [[nodiscard]] constexpr std::uint64_t new_base(std::uint64_t base) const noexcept {
    return base + static_cast<std::uint64_t>(offset);
  }

  friend constexpr bool operator==(const MemoryInstruction&, const MemoryInstruction&) = default;
};

/// Nothing for a word that is no load, store or DC ZVA, or that is unallocated up to Armv8.4.
[[nodiscard]] std::optional<MemoryInstruction> decode_memory_instruction(
    std::uint32_t word) noexcept;

}  // namespace axvm::aarch64
