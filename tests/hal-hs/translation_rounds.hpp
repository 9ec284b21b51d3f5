#pragma once
// Rounds of accesses to guest memory by HLV, HLVX and HSV: what a file of them holds, for whoever
// makes it (on the host) and whoever carries it out (in HS-mode of QEMU). Little-endian, one round
// behind the other.

#include <array>
#include <cstdint>

namespace axvm::test {

/// Host-physical pages that hold the tables of both stages.
inline constexpr std::uint64_t kPool = 0x8400'0000;
inline constexpr std::uint64_t kPoolPages = 64;
inline constexpr std::uint64_t kPoolWords = kPoolPages * 512;
/// Where QEMU puts the file.
inline constexpr std::uint64_t kRounds = 0x8800'0000;
inline constexpr std::uint64_t kQuestions = 2048;
/// Memory of which each word says where it is, at the beginning of each round.
inline constexpr std::uint64_t kPattern = 0x9000'0000;
inline constexpr std::uint64_t kPatternSize = 0x100'0000;

[[nodiscard]] constexpr std::uint64_t pattern_at(std::uint64_t address) noexcept {
  const std::uint64_t mixed = address * 0x9e37'79b9'7f4a'7c15;
  return mixed ^ mixed >> 32;
}

enum class Access : std::uint64_t {
  Load,   ///< HLV.D
  Fetch,  ///< HLVX.HU
  Store,  ///< HSV.D, of pattern_at(~address)
};

/// `address` is a multiple of 8.
struct Question {
  std::uint64_t address = 0;
  Access access = Access::Load;
  std::uint64_t user = 0;  ///< 1: by the rights of VU-mode (hstatus.SPVP clear)
};

struct Round {
  std::uint64_t is_last = 0;
  std::uint64_t sstatus = 0;  ///< MXR, for both stages
  std::uint64_t vsstatus = 0;
  std::uint64_t vsatp = 0;
  std::uint64_t hgatp = 0;
  std::array<Question, kQuestions> questions{};
  std::array<std::uint64_t, kPoolWords> pool{};
};

/// What an access has come to: four lines of hexadecimal digits on the console.
struct Answer {
  std::uint64_t cause = 0;  ///< kDone, or scause
  std::uint64_t value = 0;  ///< what was loaded, or stval
  std::uint64_t htval = 0;
  std::uint64_t htinst = 0;
};
inline constexpr std::uint64_t kDone = ~std::uint64_t{0};

}  // namespace axvm::test
