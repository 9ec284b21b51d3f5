#pragma once
// The second stage of x86-64: Intel's EPT (SDM Vol. 3C 29.3) and AMD's nested page tables (APM Vol.
// 2 15.25, 5.3), four or five levels.

#include <axvm/address.hpp>
#include <axvm/mapping.hpp>
#include <core/memory/page_table_format.hpp>
#include <cstddef>
#include <cstdint>

namespace axvm::x86_64 {

inline constexpr PageTableGeometry kFourLevels{.levels = 4, .input_bits = 48};
inline constexpr PageTableGeometry kFiveLevels{.levels = 5, .input_bits = 57};

/// What both vendors' entries have in common: addresses in bits [51:12], large pages by bit 7, and
/// bits [62:52], which hardware ignores in entries that point to tables. Any of `kPresentBits`
/// makes an entry present.
template <std::uint64_t kPresentBits>
struct NestedFormat {
  static constexpr unsigned kGranuleShift = 12;
  static constexpr unsigned kIndexBits = 9;
  static constexpr unsigned kMinLevels = 3;
  static constexpr unsigned kMaxLevels = 5;
  static constexpr unsigned kMaxInputBits = 57;
  static constexpr std::size_t kMaxRootTables = 1;
  static constexpr unsigned kMaxLeafHeight = 2;
  static constexpr std::uint64_t kOutputLimit = 1ULL << 52;
  static constexpr std::uint64_t kInvalid = 0;
  static constexpr std::uint64_t kAddressBits = 0x000f'ffff'ffff'f000;

  [[nodiscard]] static constexpr std::uint64_t place(HostPhysAddr to) noexcept { return to.value; }
  [[nodiscard]] static constexpr bool is_valid(std::uint64_t entry) noexcept {
    return (entry & kPresentBits) != 0;
  }
  [[nodiscard]] static constexpr bool is_leaf(std::uint64_t entry, unsigned height) noexcept {
    return is_valid(entry) && (height == 0 || (entry & kLargePage) != 0);
  }
  [[nodiscard]] static constexpr bool is_table(std::uint64_t entry, unsigned height) noexcept {
    return is_valid(entry) && !is_leaf(entry, height);
  }
  [[nodiscard]] static constexpr HostPhysAddr address(std::uint64_t entry) noexcept {
    return HostPhysAddr(entry & kAddressBits);
  }
  [[nodiscard]] static constexpr unsigned live(std::uint64_t entry) noexcept {
    return static_cast<unsigned>(entry >> kLiveShift & 0x7ff);
  }
  [[nodiscard]] static constexpr std::uint64_t recounted(std::uint64_t entry, int change) noexcept {
    return entry + (static_cast<std::uint64_t>(change) << kLiveShift);
  }
  /// Each format's leaves have a bit that stays, and tells them from kInvalid.
  [[nodiscard]] static constexpr std::uint64_t broken(std::uint64_t entry) noexcept {
    return entry & ~kPresentBits;
  }

 protected:
  static constexpr std::uint64_t kLargePage = 1ULL << 7;
  static constexpr unsigned kLiveShift = 52;

  [[nodiscard]] static constexpr std::uint64_t bit_if(MappingFlags flags, MappingFlags flag,
                                                      std::uint64_t bit) noexcept {
    return has_any(flags, flag) ? bit : 0;
  }
};

/// Entries with any of read, write and execute are present (SDM 29.3.2).
struct EptFormat : NestedFormat<0b111> {
  [[nodiscard]] static constexpr std::uint64_t table(HostPhysAddr next, unsigned live) noexcept {
    return next.value | std::uint64_t{live} << kLiveShift | kReadWriteExecuteBits;
  }
  /// Memory type in bits [5:3]: 6 write-back, 0 uncacheable. Write without read is a
  /// misconfiguration (SDM 29.3.3.1), so a mapping that may be written may be read. User has no
  /// meaning.
  [[nodiscard]] static constexpr std::uint64_t leaf(HostPhysAddr to, MappingFlags flags,
                                                    unsigned height) noexcept {
    const bool cacheable = !has_any(flags, MappingFlags::Device | MappingFlags::Uncached);
    return to.value | bit_if(flags, kReadWrite, kRead) |
           bit_if(flags, MappingFlags::Write, kWrite) |
           bit_if(flags, MappingFlags::Execute, kExecute) | (cacheable ? kWriteBack : 0) |
           bit_if(flags, MappingFlags::Device, kIgnorePat) | (height > 0 ? kLargePage : 0) | kOurs;
  }
  /// Access rights may change in place (SDM 29.4.3.4); what is cached is invalidated afterwards.
  [[nodiscard]] static constexpr bool may_replace(std::uint64_t from, std::uint64_t to) noexcept {
    return ((from ^ to) & ~kReadWriteExecuteBits) == 0;
  }
  /// The inverse of leaf(), but for User, and for Read where only Write was asked for.
  [[nodiscard]] static constexpr MappingFlags flags(std::uint64_t entry) noexcept {
    MappingFlags result = MappingFlags::None;
    if ((entry & kRead) != 0) result = result | MappingFlags::Read;
    if ((entry & kWrite) != 0) result = result | MappingFlags::Write;
    if ((entry & kExecute) != 0) result = result | MappingFlags::Execute;
    if ((entry & kWriteBack) == 0) {
      result = result | ((entry & kIgnorePat) != 0 ? MappingFlags::Device : MappingFlags::Uncached);
    }
    return result;
  }

 private:
  static constexpr std::uint64_t kRead = 1ULL << 0;
  static constexpr std::uint64_t kWrite = 1ULL << 1;
  static constexpr std::uint64_t kExecute = 1ULL << 2;
  static constexpr std::uint64_t kReadWriteExecuteBits = kRead | kWrite | kExecute;
  static constexpr std::uint64_t kWriteBack = 6ULL << 3;
  static constexpr std::uint64_t kIgnorePat = 1ULL << 6;
  /// Ignored by hardware: tells a broken leaf of frame 0 from kInvalid.
  static constexpr std::uint64_t kOurs = 1ULL << 11;
};

/// Nested entries are those of ordinary paging; the guest's accesses are user accesses
/// (APM 15.25.5).
struct NptFormat : NestedFormat<0b1> {
  [[nodiscard]] static constexpr std::uint64_t table(HostPhysAddr next, unsigned live) noexcept {
    return next.value | std::uint64_t{live} << kLiveShift | kPresent | kWrite | kUser;
  }
  /// PCD makes memory uncacheable, PCD and PWT strongly so (device). What is present may be read.
  [[nodiscard]] static constexpr std::uint64_t leaf(HostPhysAddr to, MappingFlags flags,
                                                    unsigned height) noexcept {
    const std::uint64_t large = height > 0 ? kLargePage : 0;
    return to.value | kPresent | kUser | large | bit_if(flags, MappingFlags::Write, kWrite) |
           bit_if(~flags, MappingFlags::Execute, kNoExecute) |
           bit_if(flags, MappingFlags::Device | MappingFlags::Uncached, kCacheDisable) |
           bit_if(flags, MappingFlags::Device, kWriteThrough);
  }
  [[nodiscard]] static constexpr bool may_replace(std::uint64_t from, std::uint64_t to) noexcept {
    return ((from ^ to) & ~(kWrite | kNoExecute)) == 0;
  }
  /// The inverse of leaf(), but for User, and for Read, which is always there.
  [[nodiscard]] static constexpr MappingFlags flags(std::uint64_t entry) noexcept {
    MappingFlags result = MappingFlags::Read;
    if ((entry & kWrite) != 0) result = result | MappingFlags::Write;
    if ((entry & kNoExecute) == 0) result = result | MappingFlags::Execute;
    if ((entry & kWriteThrough) != 0) {
      result = result | MappingFlags::Device;
    } else if ((entry & kCacheDisable) != 0) {
      result = result | MappingFlags::Uncached;
    }
    return result;
  }

 private:
  static constexpr std::uint64_t kPresent = 1ULL << 0;
  static constexpr std::uint64_t kWrite = 1ULL << 1;
  static constexpr std::uint64_t kUser = 1ULL << 2;
  static constexpr std::uint64_t kWriteThrough = 1ULL << 3;
  static constexpr std::uint64_t kCacheDisable = 1ULL << 4;
  static constexpr std::uint64_t kNoExecute = 1ULL << 63;
};

static_assert(PageTableFormat<EptFormat> && PageTableFormat<NptFormat>);
static_assert(CountsInEntries<EptFormat> && CountsInEntries<NptFormat>);
static_assert(EptFormat::leaf(HostPhysAddr(0x20'0000), kReadWriteExecute, 1) == 0x20'08b7);
static_assert(NptFormat::leaf(HostPhysAddr(0x20'0000), kReadWriteExecute, 1) == 0x20'0087);
static_assert(EptFormat::live(EptFormat::table(HostPhysAddr(0x1000), 512)) == 512);
static_assert(PageTableShape<EptFormat>::is_valid(kFiveLevels));

}  // namespace axvm::x86_64
