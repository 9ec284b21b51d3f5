#pragma once
// VMSAv8-64 stage-2 tables with granules of 16 and 64 KiB (DDI 0487, D8.2 and D8.3).

#include <core/arch/aarch64/stage2_format.hpp>

namespace axvm::aarch64 {

/// As Stage2Format, with granules of 2^`kShift` bytes. Lookups begin at level 1 or 2; blocks are at
/// level 2: 32 MiB, 512 MiB.
template <unsigned kShift>
struct GranuleFormat : Stage2Format {
  static constexpr unsigned kGranuleShift = kShift;
  static constexpr unsigned kIndexBits = kShift - 3;
  static constexpr unsigned kMinLevels = 2;
  static constexpr unsigned kMaxLevels = 3;
  static constexpr unsigned kMaxLeafHeight = 1;
  static constexpr std::uint64_t kAddressBits = (1ULL << 48) - (1ULL << kShift);

  [[nodiscard]] static constexpr HostPhysAddr address(std::uint64_t entry) noexcept {
    return HostPhysAddr(entry & kAddressBits);
  }
  [[nodiscard]] static constexpr std::uint64_t table(HostPhysAddr next, unsigned live) noexcept {
    return next.value | count(live) | descriptor::kTableOrPage | descriptor::kValid;
  }
  /// Of a table descriptor, hardware ignores bits [58:51] beside [11:2].
  [[nodiscard]] static constexpr unsigned live(std::uint64_t entry) noexcept {
    return static_cast<unsigned>((entry >> 2 & 0x3ff) | (entry >> 51 & 0xf) << 10);
  }
  [[nodiscard]] static constexpr std::uint64_t recounted(std::uint64_t entry, int change) noexcept {
    return (entry & ~count(~0U)) | count(live(entry) + static_cast<unsigned>(change));
  }

 private:
  [[nodiscard]] static constexpr std::uint64_t count(unsigned live) noexcept {
    return std::uint64_t{live & 0x3ff} << 2 | std::uint64_t{live >> 10 & 0xf} << 51;
  }
};

using Stage2Format16K = GranuleFormat<14>;
using Stage2Format64K = GranuleFormat<16>;

/// 64 KiB granules with 52-bit addresses (FEAT_LPA): bits [15:12] hold address bits [51:48], and
/// level 1 has blocks of 4 TiB.
struct Stage2LpaFormat : Stage2Format64K {
  static constexpr unsigned kMaxInputBits = 52;
  static constexpr unsigned kMaxLeafHeight = 2;
  static constexpr std::uint64_t kOutputLimit = 1ULL << 52;
  static constexpr std::uint64_t kAddressBits = (1ULL << 48) - (1ULL << 12);

  [[nodiscard]] static constexpr std::uint64_t place(HostPhysAddr to) noexcept {
    return (to.value & Stage2Format64K::kAddressBits) | (to.value >> 48 & 0xf) << 12;
  }
  [[nodiscard]] static constexpr HostPhysAddr address(std::uint64_t entry) noexcept {
    return HostPhysAddr((entry & Stage2Format64K::kAddressBits) | (entry >> 12 & 0xf) << 48);
  }
  [[nodiscard]] static constexpr std::uint64_t table(HostPhysAddr next, unsigned live) noexcept {
    return Stage2Format64K::table(HostPhysAddr(place(next)), live);
  }
  [[nodiscard]] static constexpr std::uint64_t leaf(HostPhysAddr to, MappingFlags flags,
                                                    unsigned height) noexcept {
    return Stage2Format::leaf(HostPhysAddr(place(to)), flags, height);
  }
};

static_assert(PageTableFormat<Stage2Format16K> && PageTableFormat<Stage2Format64K> &&
              PageTableFormat<Stage2LpaFormat>);
static_assert(PageTableShape<Stage2Format16K>::entry_size(1) == 32ULL << 20);
static_assert(PageTableShape<Stage2Format64K>::entry_size(1) == 512ULL << 20);
static_assert(PageTableShape<Stage2Format16K>::root_tables({2, 40}) == 16);
static_assert(PageTableShape<Stage2Format64K>::is_valid({2, 42}));
static_assert(Stage2LpaFormat::leaf(HostPhysAddr(0xf'0000'0000'0000), kReadWriteExecute, 0) ==
              0xf7ff);

}  // namespace axvm::aarch64
