#pragma once
// Registers by the numbers that instructions and exit codes give them (APM Vol. 3 1.4.1, 1.2.7).

#include <cstdint>

namespace axvm::x86_64 {

/// General-purpose registers. R8..R15 follow.
enum class Gpr : std::uint8_t {
  Rax = 0,
  Rcx = 1,
  Rdx = 2,
  Rbx = 3,
  Rsp = 4,
  Rbp = 5,
  Rsi = 6,
  Rdi = 7,
  R8 = 8,
  R15 = 15,
};

/// Segment registers.
enum class Segment : std::uint8_t { Es = 0, Cs = 1, Ss = 2, Ds = 3, Fs = 4, Gs = 5 };

/// What a code segment's L and D bits make of operands and addresses by default (APM Vol. 2
/// 4.7.2, 4.8.1).
enum class CodeSize : std::uint8_t { Bits16, Bits32, Bits64 };

}  // namespace axvm::x86_64
