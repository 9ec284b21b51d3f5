#pragma once
// Opcodes that ModRM continues: which of its values are instructions (APM Vol. 3 A.1, tables A-7,
// A-8; SDM Vol. 2D A.4).

#include <core/arch/x86_64/instruction.hpp>
#include <cstdint>

namespace axvm::x86_64 {

/// A ModRM byte's fields, without the bits that prefixes add (APM Vol. 3 1.4.1).
struct ModRmFields {
  std::uint8_t mod;
  std::uint8_t reg;
  std::uint8_t rm;

  explicit constexpr ModRmFields(std::uint8_t byte) noexcept
      : mod(byte >> 6), reg(byte >> 3 & 7), rm(byte & 7) {}
  [[nodiscard]] constexpr bool is_register() const noexcept { return mod == 3; }
};

/// For each value of ModRM.reg a bit: an instruction of memory, or of registers, is defined.
struct OpcodeGroup {
  OpcodeMap map;
  std::uint8_t opcode;
  std::uint8_t of_memory;
  std::uint8_t of_registers;
};

inline constexpr OpcodeGroup kOpcodeGroups[] = {
    {OpcodeMap::Primary, 0x8c, 0b0011'1111, 0b0011'1111},  // MOV from a segment register
    {OpcodeMap::Primary, 0x8e, 0b0011'1101, 0b0011'1101},  // MOV to one, but CS
    {OpcodeMap::Primary, 0x8f, 0b0000'0001, 0b0000'0001},  // group 1a: POP
    {OpcodeMap::Primary, 0xc6, 0b0000'0001, 0b0000'0001},  // group 11: MOV
    {OpcodeMap::Primary, 0xc7, 0b0000'0001, 0b0000'0001},
    {OpcodeMap::Primary, 0xfe, 0b0000'0011, 0b0000'0011},    // group 4: INC, DEC
    {OpcodeMap::Primary, 0xff, 0b0111'1111, 0b0101'0111},    // group 5: far branches need memory
    {OpcodeMap::Secondary, 0x00, 0b0011'1111, 0b0011'1111},  // group 6
    {OpcodeMap::Secondary, 0x20, 0b0001'1101, 0b0001'1101},  // CR0, CR2, CR3, CR4, CR8 by LOCK
    {OpcodeMap::Secondary, 0x22, 0b0001'1101, 0b0001'1101},
    {OpcodeMap::Secondary, 0x71, 0, 0b0101'0100},            // group 12
    {OpcodeMap::Secondary, 0x72, 0, 0b0101'0100},            // group 13
    {OpcodeMap::Secondary, 0x73, 0, 0b1100'1100},            // group 14
    {OpcodeMap::Secondary, 0xba, 0b1111'0000, 0b1111'0000},  // group 8: BT and its kin
    {OpcodeMap::Secondary, 0xc7, 0b1111'1010, 0b1100'0000},  // group 9
};

/// Group 7 (0F 01) with a register: a bit for each of ModRM's values C0 to FF.
///   C0 ENCLV, VMCALL, VMLAUNCH, VMRESUME, VMXOFF, PCONFIG     C8 MONITOR, MWAIT, CLAC, STAC, ENCLS
///   D0 XGETBV, XSETBV, -, -, VMFUNC, XEND, XTEST, ENCLU       D8 VMRUN … INVLPGA
///   E0 SMSW     E8 SERIALIZE or SETSSBSY, -, SAVEPREVSSP, -, -, -, RDPKRU, WRPKRU
///   F0 LMSW     F8 SWAPGS, RDTSCP, MONITORX, MWAITX, CLZERO, RDPRU, INVLPGB, TLBSYNC
inline constexpr std::uint64_t kGroup7OfRegisters = 0xffff'c5ff'fff3'8f3f;

/// Whether the opcode, which its map defines, is an instruction with this ModRM byte.
[[nodiscard]] constexpr bool group_defines(OpcodeMap map, std::uint8_t opcode,
                                           std::uint8_t byte) noexcept {
  const ModRmFields modrm(byte);
  if (map == OpcodeMap::Secondary && opcode == 0x01 && modrm.is_register()) {
    return (kGroup7OfRegisters >> (byte & 0x3f) & 1) != 0;
  }
  // XABORT and XBEGIN.
  if (map == OpcodeMap::Primary && (opcode & 0xfe) == 0xc6 && byte == 0xf8) return true;
  for (const OpcodeGroup& group : kOpcodeGroups) {
    if (group.map != map || group.opcode != opcode) continue;
    return ((modrm.is_register() ? group.of_registers : group.of_memory) >> modrm.reg & 1) != 0;
  }
  return true;
}

/// Whether LOCK may stand before the instruction, which accesses memory (APM Vol. 3 1.2.5).
[[nodiscard]] constexpr bool may_be_locked(OpcodeMap map, std::uint8_t opcode,
                                           std::uint8_t byte) noexcept {
  const ModRmFields modrm(byte);
  if (modrm.is_register()) return false;
  if (map == OpcodeMap::Primary) {
    if (opcode < 0x38) return (opcode & 6) == 0;  // ADD to XOR, into memory
    switch (opcode) {
      case 0x80:
      case 0x81:
      case 0x82:
      case 0x83: return modrm.reg != 7;
      case 0x86:
      case 0x87: return true;
      case 0xf6:
      case 0xf7: return modrm.reg == 2 || modrm.reg == 3;
      case 0xfe:
      case 0xff: return modrm.reg < 2;
      default: return false;
    }
  }
  if (map != OpcodeMap::Secondary) return false;
  switch (opcode) {
    case 0xab:  // BTS, BTR, BTC
    case 0xb3:
    case 0xbb:
    case 0xb0:  // CMPXCHG
    case 0xb1:
    case 0xc0:  // XADD
    case 0xc1: return true;
    case 0xba: return modrm.reg > 4;
    case 0xc7: return modrm.reg == 1;
    default: return false;
  }
}

}  // namespace axvm::x86_64
