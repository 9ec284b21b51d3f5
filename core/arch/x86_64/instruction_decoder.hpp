#pragma once
// Decodes x86 instructions in all three code sizes: the length of any, and of those that a VMM may
// have to carry out what they do (APM Vol. 3, chapter 1 and appendix A).
//
// Defined is what AMD's or Intel's processors have, whether or not this one has it: what needs a
// CPUID feature, a mode or a privilege, the processor has already checked. So are the prefixes that
// choose among media instructions, and x87's registers; no length depends on them. Where both
// vendors differ in length, it is AMD's.

#include <core/arch/x86_64/instruction.hpp>
#include <cstdint>
#include <expected>
#include <span>

namespace axvm::x86_64 {

/// Bytes that an instruction may have; a longer one is #GP (APM Vol. 3 1.1).
inline constexpr std::size_t kMaxInstructionLength = 15;

enum class DecodeError : std::uint8_t {
  Incomplete,  ///< there are fewer bytes than the instruction has
  TooLong,     ///< it has more than kMaxInstructionLength
  Undefined,   ///< no instruction: #UD
};

/// The instruction that `bytes` begin with; what is behind it is ignored.
[[nodiscard]] std::expected<Instruction, DecodeError> decode_instruction(
    std::span<const std::uint8_t> bytes, CodeSize code_size) noexcept;

}  // namespace axvm::x86_64
