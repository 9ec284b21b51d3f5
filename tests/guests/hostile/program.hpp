#pragma once
// Programs for EL1 that nobody would write: a seed gives code, vectors, translation tables and
// data, partly plausible so that they get somewhere, partly not.

#include <cstdint>
#include <vector>

#include "random.hpp"

namespace axvm::test::hostile {

// Where things are, guest-physical. The image fills the beginning of RAM.
inline constexpr std::uint64_t kRam = 0x4000'0000;
inline constexpr std::uint64_t kRamSize = 0x20'0000;
inline constexpr std::uint64_t kReadOnly = 0x4040'0000;
inline constexpr std::uint64_t kWindowSize = 0x4000;
inline constexpr std::uint64_t kNoExecute = 0x4050'0000;
inline constexpr std::uint64_t kHole = 0x4060'0000;
inline constexpr std::uint64_t kUart = 0x0900'0000;

inline constexpr std::uint64_t kCode = kRam + 0x1000;
inline constexpr std::uint64_t kVectors = kRam + 0x4000;
inline constexpr std::uint64_t kTables = kRam + 0x8000;
inline constexpr std::uint32_t kTablePages = 4;
inline constexpr std::uint64_t kData = kRam + 0xc000;
inline constexpr std::uint64_t kImageSize = 0x1'0000;

/// The bytes at kRam; the entry is their first instruction.
[[nodiscard]] std::vector<std::uint8_t> make_program(std::uint64_t seed);

[[nodiscard]] std::uint64_t interesting_address(Random& random);
[[nodiscard]] std::uint64_t random_descriptor(Random& random);
/// A value for the system register, mostly one that lets the program go on.
[[nodiscard]] std::uint64_t plausible_value(std::uint16_t target, Random& random);

}  // namespace axvm::test::hostile
