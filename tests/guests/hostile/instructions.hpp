#pragma once
// A64 instructions for programs that mean no good: some that any assembler knows, some that are
// nearly right, some that are noise (DDI 0487 C4.1).

#include <array>
#include <cstdint>
#include <vector>

#include "random.hpp"

namespace axvm::test::hostile {

/// X19..X28 hold addresses; structured accesses mostly use one of them or SP.
inline constexpr unsigned kFirstPointer = 19;
inline constexpr unsigned kPointers = 10;

using Code = std::vector<std::uint32_t>;

void move(Code& code, unsigned rd, std::uint64_t value);
/// MSR of the register with these bits 20:5.
void write_system(Code& code, std::uint16_t encoding, unsigned rt);
/// Appends one instruction, or a short sequence with a purpose.
void append_anything(Code& code, Random& random);

inline constexpr std::uint32_t kEret = 0xd69f03e0;
inline constexpr std::uint32_t kIsb = 0xd5033fdf;
inline constexpr std::uint32_t kHvc = 0xd4000002;

/// EL1 registers that a program sets on purpose, as bits 20:5 of MSR.
enum SystemRegister : std::uint16_t {
  kSctlrEl1 = 0xc080,
  kTtbr0El1 = 0xc100,
  kTtbr1El1 = 0xc101,
  kTcrEl1 = 0xc102,
  kSpsrEl1 = 0xc200,
  kElrEl1 = 0xc201,
  kSpEl0 = 0xc208,
  kMairEl1 = 0xc510,
  kVbarEl1 = 0xc600,
  kCntkctlEl1 = 0xc708,
};

}  // namespace axvm::test::hostile
