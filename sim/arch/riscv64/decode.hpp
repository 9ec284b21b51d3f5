#pragma once
// What the hart knows of a load, store or atomic instruction when it reports a fault: the address,
// the direction, and the transformed instruction ("Transformed Instruction or Pseudoinstruction for
// mtinst or htinst"). RV64GC.

#include <cstdint>
#include <optional>

namespace axvm::sim::riscv64 {

/// Bytes of the instruction that begins with `parcel` (Unprivileged ISA, "Base Instruction-Length
/// Encoding"); longer ones are not defined.
constexpr unsigned instruction_bytes(std::uint32_t parcel) noexcept {
  return (parcel & 3) == 3 ? 4 : 2;
}

struct MemoryInstruction {
  enum class Kind : std::uint8_t { Load, Store, Amo, LoadReserved, StoreConditional };

  Kind kind = Kind::Load;
  /// Transfers a floating-point register.
  bool floating = false;
  /// Bytes touched: 1, 2, 4 or 8.
  std::uint8_t access_bytes = 0;
  /// Bytes of the instruction: 2 or 4.
  std::uint8_t instruction_bytes = 4;
  std::uint8_t rs1 = 0;
  std::int64_t offset = 0;
  /// As in htinst, with an Addr. Offset of 0.
  std::uint32_t transformed = 0;

  /// Faults are those of a store.
  [[nodiscard]] constexpr bool is_store() const noexcept {
    return kind == Kind::Store || kind == Kind::Amo || kind == Kind::StoreConditional;
  }
  /// Must be naturally aligned.
  [[nodiscard]] constexpr bool is_atomic() const noexcept {
    return kind != Kind::Load && kind != Kind::Store;
  }
  /// The address of the lowest byte accessed; `read(n)` gives x<n>.
  template <class ReadRegister>
  [[nodiscard]] std::uint64_t address(const ReadRegister& read) const {
    return read(rs1) + static_cast<std::uint64_t>(offset);
  }
};

/// The instruction as a memory instruction; nothing when it is none or is not defined. The upper
/// half of a compressed one does not matter.
[[nodiscard]] std::optional<MemoryInstruction> decode_memory_instruction(
    std::uint32_t instruction) noexcept;

/// The 32-bit form of a compressed load or store ("RVC Instruction Set Listings"); nothing when
/// it is none.
[[nodiscard]] std::optional<std::uint32_t> expand_compressed(std::uint16_t instruction) noexcept;

}  // namespace axvm::sim::riscv64
