#pragma once
// G-stage tables of RISC-V, Sv39x4 to Sv57x4 (Privileged Architecture, "Two-Stage Address
// Translation"; entries: "Sv39" and the Svpbmt extension).

#include <axvm/address.hpp>
#include <axvm/mapping.hpp>
#include <core/memory/page_table_format.hpp>
#include <cstddef>
#include <cstdint>

namespace axvm::riscv64 {

/// Roots of 16 KiB translate two bits more than other tables.
inline constexpr PageTableGeometry kSv39x4{.levels = 3, .input_bits = 41};
inline constexpr PageTableGeometry kSv48x4{.levels = 4, .input_bits = 50};
inline constexpr PageTableGeometry kSv57x4{.levels = 5, .input_bits = 59};

/// Policy of PageTable. A valid entry that may be read, written or executed is a leaf, at any
/// height. An entry that points to a table has two bits for software: the counts lie beside.
struct GStageFormat {
  static constexpr unsigned kGranuleShift = 12;
  static constexpr unsigned kIndexBits = 9;
  static constexpr unsigned kMinLevels = 3;
  static constexpr unsigned kMaxLevels = 5;
  static constexpr unsigned kMaxInputBits = 59;
  static constexpr std::size_t kMaxRootTables = 4;
  static constexpr unsigned kMaxLeafHeight = 4;
  static constexpr std::uint64_t kOutputLimit = 1ULL << 56;
  static constexpr std::uint64_t kInvalid = 0;
  static constexpr std::uint64_t kAddressBits = ((1ULL << 44) - 1) << 10;

  [[nodiscard]] static constexpr bool is_valid(std::uint64_t entry) noexcept {
    return (entry & kValid) != 0;
  }
  [[nodiscard]] static constexpr bool is_leaf(std::uint64_t entry, unsigned) noexcept {
    return is_valid(entry) && (entry & kPermissions) != 0;
  }
  [[nodiscard]] static constexpr bool is_table(std::uint64_t entry, unsigned height) noexcept {
    return height != 0 && (entry & (kPermissions | kValid)) == kValid;
  }
  [[nodiscard]] static constexpr HostPhysAddr address(std::uint64_t entry) noexcept {
    return HostPhysAddr((entry & kAddressBits) << 2);
  }
  [[nodiscard]] static constexpr std::uint64_t place(HostPhysAddr to) noexcept {
    return to.value >> 2;
  }
  [[nodiscard]] static constexpr std::uint64_t table(HostPhysAddr next, unsigned) noexcept {
    return place(next) | kValid;
  }
  /// All guest accesses count as those of a user. A and D are set, as Svade wants it: hardware
  /// never has to. To write without reading is reserved, so that what may be written may be read.
  /// Device wins over Uncached.
  [[nodiscard]] static constexpr std::uint64_t leaf(HostPhysAddr to, MappingFlags flags,
                                                    unsigned) noexcept {
    std::uint64_t entry = place(to) | kDirty | kAccessed | kUser | kValid;
    if (has_any(flags, kReadWrite)) entry |= kRead;
    if (has_any(flags, MappingFlags::Write)) entry |= kWrite;
    if (has_any(flags, MappingFlags::Execute)) entry |= kExecute;
    if (has_any(flags, MappingFlags::Device)) return entry | kIo;
    return has_any(flags, MappingFlags::Uncached) ? entry | kNonCacheable : entry;
  }
  /// Permissions may change in place.
  [[nodiscard]] static constexpr bool may_replace(std::uint64_t from, std::uint64_t to) noexcept {
    return ((from ^ to) & ~kPermissions) == 0;
  }
  /// A, D and U, which stay, tell it from kInvalid.
  [[nodiscard]] static constexpr std::uint64_t broken(std::uint64_t entry) noexcept {
    return entry & ~kValid;
  }
  /// The inverse of leaf(), but for User, for Read where only Write was asked for, and for Uncached
  /// under Device.
  [[nodiscard]] static constexpr MappingFlags flags(std::uint64_t entry) noexcept {
    MappingFlags result = MappingFlags::None;
    if ((entry & kRead) != 0) result = result | MappingFlags::Read;
    if ((entry & kWrite) != 0) result = result | MappingFlags::Write;
    if ((entry & kExecute) != 0) result = result | MappingFlags::Execute;
    if ((entry & kIo) != 0) result = result | MappingFlags::Device;
    if ((entry & kNonCacheable) != 0) result = result | MappingFlags::Uncached;
    return result;
  }

 private:
  static constexpr std::uint64_t kValid = 1ULL << 0;
  static constexpr std::uint64_t kRead = 1ULL << 1;
  static constexpr std::uint64_t kWrite = 1ULL << 2;
  static constexpr std::uint64_t kExecute = 1ULL << 3;
  static constexpr std::uint64_t kPermissions = kRead | kWrite | kExecute;
  static constexpr std::uint64_t kUser = 1ULL << 4;
  static constexpr std::uint64_t kAccessed = 1ULL << 6;
  static constexpr std::uint64_t kDirty = 1ULL << 7;
  static constexpr std::uint64_t kNonCacheable = 1ULL << 61;  ///< Svpbmt: NC
  static constexpr std::uint64_t kIo = 1ULL << 62;            ///< Svpbmt: IO
};

static_assert(PageTableFormat<GStageFormat> && !CountsInEntries<GStageFormat>);
static_assert(PageTableShape<GStageFormat>::is_valid(kSv39x4));
static_assert(PageTableShape<GStageFormat>::is_valid(kSv48x4));
static_assert(PageTableShape<GStageFormat>::is_valid(kSv57x4));
static_assert(PageTableShape<GStageFormat>::root_tables(kSv57x4) == 4);
static_assert(GStageFormat::leaf(HostPhysAddr(0x8000'0000), kReadWriteExecute, 0) == 0x2000'00df);

}  // namespace axvm::riscv64
