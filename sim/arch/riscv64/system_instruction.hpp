#pragma once
// SYSTEM instructions by name (Unprivileged ISA, "Zicsr"; Privileged Architecture, "Supervisor
// Instructions" and "Hypervisor Instructions").

#include <cstdint>
#include <optional>
#include <sim/arch/riscv64/csr.hpp>
#include <sim/bits.hpp>

namespace axvm::sim::riscv64 {

inline constexpr std::uint32_t kEcall = 0x0000'0073;
inline constexpr std::uint32_t kEbreak = 0x0010'0073;
inline constexpr std::uint32_t kSret = 0x1020'0073;
inline constexpr std::uint32_t kWfi = 0x1050'0073;

/// The major opcode SYSTEM; needs the first half of an instruction only.
constexpr bool is_system(std::uint32_t instruction) noexcept {
  return (instruction & 0x7f) == 0x73;
}

/// FENCE.I, whatever its other fields are ("Zifencei"); needs the first half only.
constexpr bool is_fence_i(std::uint32_t instruction) noexcept {
  return (instruction & 0x707f) == 0x100f;
}

/// SFENCE.VMA rs1, rs2.
constexpr bool is_sfence_vma(std::uint32_t instruction) noexcept {
  return (instruction & 0xfe00'7fff) == 0x1200'0073;
}
/// HFENCE.VVMA and HFENCE.GVMA, HLV, HLVX and HSV.
constexpr bool is_hypervisor_instruction(std::uint32_t instruction) noexcept {
  if (!is_system(instruction)) return false;
  const bool fence = (instruction & 0x7fff) == 0x73 &&
                     ((instruction >> 25) == 0b0010001 || (instruction >> 25) == 0b0110001);
  if (fence) return true;
  if (field(instruction, 14, 12) != 0b100 || field(instruction, 31, 28) != 0b0110) return false;
  const std::uint64_t width = field(instruction, 27, 26);
  const std::uint64_t variant = field(instruction, 24, 20);
  if (bit(instruction, 25)) return field(instruction, 11, 7) == 0;  // HSV.B, H, W, D
  // HLV.x; unsigned but for D; HLVX.HU and WU.
  return variant == 0 || (variant == 1 && width != 3) ||
         (variant == 3 && (width == 1 || width == 2));
}

/// CSRRW, CSRRS, CSRRC and their immediate forms.
struct CsrInstruction {
  enum class Operation : std::uint8_t { Write = 1, Set = 2, Clear = 3 };

  std::uint16_t csr = 0;
  Operation operation = Operation::Write;
  /// rs1 is a number from 0 to 31 instead of a register's.
  bool immediate = false;
  std::uint8_t rd = 0;
  std::uint8_t rs1 = 0;

  [[nodiscard]] constexpr bool writes() const noexcept {
    return operation == Operation::Write || rs1 != 0;
  }
  /// The new value, when the CSR's is `old` and the operand is `operand`.
  [[nodiscard]] constexpr std::uint64_t result(std::uint64_t old,
                                               std::uint64_t operand) const noexcept {
    if (operation == Operation::Write) return operand;
    return operation == Operation::Set ? old | operand : old & ~operand;
  }
};

constexpr std::optional<CsrInstruction> decode_csr_instruction(std::uint32_t word) noexcept {
  const std::uint64_t function = field(word, 14, 12);
  if (!is_system(word) || (function & 3) == 0) return std::nullopt;
  return CsrInstruction{.csr = static_cast<std::uint16_t>(field(word, 31, 20)),
                        .operation = static_cast<CsrInstruction::Operation>(function & 3),
                        .immediate = bit(word, 14),
                        .rd = static_cast<std::uint8_t>(field(word, 11, 7)),
                        .rs1 = static_cast<std::uint8_t>(field(word, 19, 15))};
}

}  // namespace axvm::sim::riscv64
