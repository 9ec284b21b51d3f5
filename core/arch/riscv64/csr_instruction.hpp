#pragma once
// CSRRW, CSRRS, CSRRC and their immediate forms ("Zicsr"), for those that the VMM carries out.

#include <core/arch/riscv64/csr.hpp>
#include <cstdint>
#include <optional>

namespace axvm::riscv64 {

struct CsrInstruction {
  enum class Operation : std::uint8_t { Write = 1, Set = 2, Clear = 3 };

  Csr csr{};
  Operation operation = Operation::Write;
  std::uint8_t rd = 0;
  std::uint8_t rs1 = 0;  ///< of a register, or the operand itself
  bool is_immediate = false;

  /// Setting or clearing what x0 or 0 names is no write.
  [[nodiscard]] constexpr bool writes() const noexcept {
    return operation == Operation::Write || rs1 != 0;
  }
  /// What the CSR becomes, whose value is `old`.
  [[nodiscard]] constexpr std::uint64_t result(std::uint64_t old,
                                               std::uint64_t operand) const noexcept {
    switch (operation) {
      case Operation::Write: break;
      case Operation::Set: return old | operand;
      case Operation::Clear: return old & ~operand;
    }
    return operand;
  }
};

/// Nothing when `word` is another instruction.
[[nodiscard]] constexpr std::optional<CsrInstruction> decode_csr_instruction(
    std::uint32_t word) noexcept {
  constexpr std::uint32_t kSystem = 0x73;
  if ((word & 0x7f) != kSystem || (word >> 12 & 3) == 0) return std::nullopt;
  return CsrInstruction{.csr = static_cast<Csr>(word >> 20),
                        .operation = static_cast<CsrInstruction::Operation>(word >> 12 & 3),
                        .rd = static_cast<std::uint8_t>(word >> 7 & 31),
                        .rs1 = static_cast<std::uint8_t>(word >> 15 & 31),
                        .is_immediate = (word >> 14 & 1) != 0};
}

static_assert(decode_csr_instruction(0x15c0'15f3)->csr == Csr::stopei);  // CSRRW a1, stopei, x0
static_assert(!decode_csr_instruction(0x1050'0073));                     // WFI

}  // namespace axvm::riscv64
