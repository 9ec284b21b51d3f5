#pragma once
// Capstone's registers and memory operands, compared with ours.

#include <capstone/capstone.h>

#include <core/arch/x86_64/instruction.hpp>
#include <cstdint>

namespace axvm::x86_64::test {

inline constexpr x86_reg kLowBytes[] = {X86_REG_AL,   X86_REG_CL,   X86_REG_DL,   X86_REG_BL,
                                        X86_REG_SPL,  X86_REG_BPL,  X86_REG_SIL,  X86_REG_DIL,
                                        X86_REG_R8B,  X86_REG_R9B,  X86_REG_R10B, X86_REG_R11B,
                                        X86_REG_R12B, X86_REG_R13B, X86_REG_R14B, X86_REG_R15B};
inline constexpr x86_reg kHighBytes[] = {X86_REG_AH, X86_REG_CH, X86_REG_DH, X86_REG_BH};
inline constexpr x86_reg kWords[] = {X86_REG_AX,   X86_REG_CX,   X86_REG_DX,   X86_REG_BX,
                                     X86_REG_SP,   X86_REG_BP,   X86_REG_SI,   X86_REG_DI,
                                     X86_REG_R8W,  X86_REG_R9W,  X86_REG_R10W, X86_REG_R11W,
                                     X86_REG_R12W, X86_REG_R13W, X86_REG_R14W, X86_REG_R15W};
inline constexpr x86_reg kDwords[] = {X86_REG_EAX,  X86_REG_ECX,  X86_REG_EDX,  X86_REG_EBX,
                                      X86_REG_ESP,  X86_REG_EBP,  X86_REG_ESI,  X86_REG_EDI,
                                      X86_REG_R8D,  X86_REG_R9D,  X86_REG_R10D, X86_REG_R11D,
                                      X86_REG_R12D, X86_REG_R13D, X86_REG_R14D, X86_REG_R15D};
inline constexpr x86_reg kQwords[] = {X86_REG_RAX, X86_REG_RCX, X86_REG_RDX, X86_REG_RBX,
                                      X86_REG_RSP, X86_REG_RBP, X86_REG_RSI, X86_REG_RDI,
                                      X86_REG_R8,  X86_REG_R9,  X86_REG_R10, X86_REG_R11,
                                      X86_REG_R12, X86_REG_R13, X86_REG_R14, X86_REG_R15};
inline constexpr x86_reg kSegments[] = {X86_REG_ES, X86_REG_CS, X86_REG_SS,
                                        X86_REG_DS, X86_REG_FS, X86_REG_GS};

/// Capstone's name of a general-purpose register.
inline x86_reg gpr(unsigned number, AccessWidth width, bool is_high_byte = false) {
  if (is_high_byte) return kHighBytes[number];
  switch (width) {
    case AccessWidth::Byte: return kLowBytes[number];
    case AccessWidth::Word: return kWords[number];
    case AccessWidth::Dword: return kDwords[number];
    default: return kQwords[number];
  }
}

/// Overrides of ES, CS, SS and DS do nothing in 64-bit mode, not even to one of FS or GS before
/// them (APM Vol. 3 1.2.4); Capstone names the last one.
inline bool same_segment(x86_reg theirs, Segment ours, CodeSize code_size) {
  if (theirs == X86_REG_INVALID || theirs == kSegments[static_cast<unsigned>(ours)]) return true;
  return code_size == CodeSize::Bits64 && theirs != X86_REG_FS && theirs != X86_REG_GS;
}

/// Whether Capstone's operand is ours, but for the bytes accessed.
inline bool same_memory(const cs_x86_op& theirs, const MemoryOperand& ours, const Instruction& i,
                        CodeSize code_size) {
  const auto reg = [&](std::uint8_t n) {
    return n == MemoryOperand::kNone ? X86_REG_INVALID : gpr(n, i.address_size);
  };
  const x86_op_mem& m = theirs.mem;
  x86_reg base = reg(ours.base);
  if (ours.relative_to_rip) {
    base = i.address_size == AccessWidth::Qword ? X86_REG_RIP : X86_REG_EIP;
  }
  // An index register that is none.
  const x86_reg index =
      m.index == X86_REG_RIZ || m.index == X86_REG_EIZ ? X86_REG_INVALID : m.index;
  const std::uint64_t difference =
      static_cast<std::uint64_t>(m.disp) ^ static_cast<std::uint64_t>(ours.displacement);
  return m.base == base && index == reg(ours.index) &&
         (ours.index == MemoryOperand::kNone || m.scale == ours.scale) &&
         truncate(difference, i.address_size) == 0 &&
         same_segment(m.segment, ours.segment, code_size);
}

}  // namespace axvm::x86_64::test
