#pragma once
// VMSAv8-64 stage-2 tables with 52-bit addresses: 4 KiB and 16 KiB granules with VTCR_EL2.DS set
// (FEAT_LPA2; DDI 0487, D8.2 and D8.3).

#include <core/arch/aarch64/stage2_format.hpp>

namespace axvm::aarch64 {

/// With 4 KiB granules lookups begin at level -1.
inline constexpr Stage2Geometry kStage2FiveLevels{.levels = 5, .input_bits = 52};

/// As Stage2Format, but that bits [9:8] hold address bits [51:50]; shareability is VTCR_EL2.SH0's.
/// Granules of 2^`kShift` bytes.
template <unsigned kShift>
struct Lpa2Format : Stage2Format {
  static constexpr unsigned kGranuleShift = kShift;
  static constexpr unsigned kIndexBits = kShift - 3;
  static constexpr unsigned kMaxLevels = kShift == 12 ? 5 : 4;
  static constexpr unsigned kMaxInputBits = 52;
  static constexpr unsigned kMaxLeafHeight = kShift == 12 ? 3 : 2;
  static constexpr std::uint64_t kOutputLimit = 1ULL << 52;
  static constexpr std::uint64_t kLowAddress = (1ULL << 50) - (1ULL << kShift);
  static constexpr std::uint64_t kAddressBits = kLowAddress | 0b11 << 8;

  [[nodiscard]] static constexpr std::uint64_t place(HostPhysAddr address) noexcept {
    return (address.value & kLowAddress) | (address.value >> 50 & 0b11) << 8;
  }
  [[nodiscard]] static constexpr HostPhysAddr address(std::uint64_t entry) noexcept {
    return HostPhysAddr((entry & kLowAddress) | (entry >> 8 & 0b11) << 50);
  }
  [[nodiscard]] static constexpr std::uint64_t table(HostPhysAddr next, unsigned live) noexcept {
    return place(next) | std::uint64_t{live & 0x3f} << 2 | std::uint64_t{live >> 6} << 51 |
           descriptor::kTableOrPage | descriptor::kValid;
  }
  /// Of a table descriptor, hardware ignores bits [7:2] and [58:51] beside [11:10].
  [[nodiscard]] static constexpr unsigned live(std::uint64_t entry) noexcept {
    return static_cast<unsigned>((entry >> 2 & 0x3f) | (entry >> 51 & 0x3f) << 6);
  }
  [[nodiscard]] static constexpr std::uint64_t recounted(std::uint64_t entry, int change) noexcept {
    return table(address(entry), live(entry) + static_cast<unsigned>(change));
  }
  [[nodiscard]] static constexpr std::uint64_t leaf(HostPhysAddr to, MappingFlags flags,
                                                    unsigned height) noexcept {
    const std::uint64_t attributes = Stage2Format::leaf(HostPhysAddr(0), flags, height);
    return place(to) | (attributes & ~descriptor::kShInner);
  }
};

using Stage2Lpa2Format = Lpa2Format<12>;
using Stage2Lpa2Format16K = Lpa2Format<14>;

static_assert(PageTableFormat<Stage2Lpa2Format> && PageTableFormat<Stage2Lpa2Format16K>);
static_assert(Stage2Lpa2Format::live(Stage2Lpa2Format::table(HostPhysAddr(0xf'ffff'ffff'f000),
                                                             512)) == 512);
static_assert(Stage2Lpa2Format::address(Stage2Lpa2Format::table(HostPhysAddr(0xf'ffff'ffff'f000),
                                                                512)) ==
              HostPhysAddr(0xf'ffff'ffff'f000));
static_assert(Stage2Lpa2Format::leaf(HostPhysAddr(0xc'0000'0000'0000), kReadWriteExecute, 0) ==
              0x7ff);

}  // namespace axvm::aarch64
