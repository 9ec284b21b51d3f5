#pragma once
// Memory types and shareability of both stages combined (DDI 0487 D8.6.5), as PAR_EL1 reports them.

#include <cstdint>

namespace axvm::sim::aarch64 {

/// MAIR_EL1 byte of stage 1 and MemAttr of stage 2 as one MAIR_EL1 byte: Device wins over Normal,
/// the stricter Device type over the laxer, Non-cacheable over write-through over write-back.
/// Allocation hints are stage 1's.
constexpr std::uint8_t combined_memory(std::uint8_t stage1, std::uint8_t stage2) noexcept {
  const bool device1 = (stage1 & 0xf0) == 0;
  const bool device2 = (stage2 & 0b1100) == 0;
  if (device1 || device2) {
    // Both number the types nGnRnE, nGnRE, nGRE, GRE from 0; MAIR_EL1 at bit 2.
    const unsigned one = device1 ? (stage1 >> 2) & 3U : 3U;
    const unsigned two = device2 ? stage2 & 3U : 3U;
    return static_cast<std::uint8_t>((one < two ? one : two) << 2);
  }
  // A nibble of MAIR_EL1: 0b0100 is Non-cacheable, x0RW write-through, x1RW write-back.
  const auto nibble = [](unsigned first, unsigned second) {
    constexpr unsigned kNonCacheable = 0b0100;
    if (first == kNonCacheable || second == 0b01) return kNonCacheable;
    return second == 0b10 ? first & ~0b0100U : first;
  };
  return static_cast<std::uint8_t>((nibble(stage1 >> 4, (stage2 >> 2) & 3U) << 4) |
                                   nibble(stage1 & 0xfU, stage2 & 3U));
}

/// SH of both stages as one: Outer Shareable if either is, else Inner Shareable if either is
/// (DDI 0487, AArch64.S2CombineS1MemAttrs).
constexpr std::uint8_t combined_shareability(std::uint8_t stage1, std::uint8_t stage2) noexcept {
  constexpr std::uint8_t kOuter = 0b10;
  if (stage1 == kOuter || stage2 == kOuter) return kOuter;
  return stage1 | stage2;
}

static_assert(combined_memory(0xff, 0b1111) == 0xff);
static_assert(combined_memory(0xff, 0b0001) == 0x04, "Device-nGnRE by stage 2");
static_assert(combined_memory(0x0c, 0b0001) == 0x04, "the stricter Device type");
static_assert(combined_memory(0x44, 0b1111) == 0x44, "Non-cacheable stays");
static_assert(combined_memory(0xff, 0b0101) == 0x44, "Non-cacheable by stage 2");
static_assert(combined_memory(0xff, 0b1010) == 0xbb, "write-through by stage 2");

}  // namespace axvm::sim::aarch64
