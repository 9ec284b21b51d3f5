#pragma once
// Rounds of address translations: what a file of them holds, for whoever makes it (on the host) and
// whoever carries it out (at EL2 of QEMU). Little-endian, one round behind the other.

#include <array>
#include <cstdint>

namespace axvm::test {

/// Host-physical pages that hold the tables of both stages.
inline constexpr std::uint64_t kPool = 0x4400'0000;
inline constexpr std::uint64_t kPoolPages = 64;
inline constexpr std::uint64_t kPoolWords = kPoolPages * 512;
/// Where QEMU puts the file.
inline constexpr std::uint64_t kRounds = 0x4800'0000;
inline constexpr std::uint64_t kQuestions = 2048;

/// AT S12E1R, S12E1W, S12E0R or S12E0W of an address.
struct Question {
  std::uint64_t address = 0;
  std::uint64_t el0 = 0;
  std::uint64_t write = 0;
};

struct Round {
  std::uint64_t is_last = 0;
  std::uint64_t sctlr_el1 = 0;
  std::uint64_t tcr_el1 = 0;
  std::uint64_t ttbr0_el1 = 0;
  std::uint64_t ttbr1_el1 = 0;
  std::uint64_t mair_el1 = 0;
  std::uint64_t hcr_el2 = 0;
  std::uint64_t vtcr_el2 = 0;
  std::uint64_t vttbr_el2 = 0;
  std::array<Question, kQuestions> questions{};
  std::array<std::uint64_t, kPoolWords> pool{};
};

}  // namespace axvm::test
