#pragma once
// The identification registers at the end of each frame (IHI 0069, 12.1.6 and the CoreSight
// layout).

#include <array>
#include <cstdint>
#include <optional>

namespace axvm::aarch64 {

/// GICD_IIDR, GICR_IIDR: Arm.
inline constexpr std::uint32_t kGicImplementer = 0x43b;

/// PIDR4..7, PIDR0..3 and CIDR0..3 of a frame whose last registers are at `frame_size` - 48;
/// nothing when `offset` is none of them. `architecture`: PIDR2.ArchRev, 3 for GICv3.
[[nodiscard]] constexpr std::optional<std::uint32_t> gic_identification(
    std::uint64_t offset, std::uint64_t frame_size, std::uint32_t architecture) noexcept {
  const std::uint64_t first = frame_size - 0x30;
  if (offset < first || offset >= frame_size) return std::nullopt;
  const std::array<std::uint32_t, 12> registers{
      0x44, 0, 0, 0, 0x92, 0xb4, architecture << 4 | 0xb, 0, 0x0d, 0xf0, 0x05, 0xb1};
  return registers[(offset - first) / 4];
}

}  // namespace axvm::aarch64
