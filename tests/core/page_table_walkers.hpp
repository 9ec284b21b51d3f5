#pragma once
// Entries of stage-2 and G-stage tables as hardware reads them, written for tests of page tables
// from the manuals; no code shared with the VMM. Tables at height 0 hold pages.

#include <axvm/mapping.hpp>
#include <core/arch/aarch64/stage2_format.hpp>
#include <core/arch/riscv64/g_stage_format.hpp>
#include <cstdint>
#include <optional>

namespace axvm::test {

constexpr std::uint64_t size_at(unsigned height) { return 1ULL << (12 + 9 * height); }

/// One address as a walker sees it: where it leads and what is permitted there.
struct View {
  bool sound = true;  ///< an entry that the architecture allows where it is
  std::uint64_t hpa = 0;
  std::uint64_t attributes = 0;  ///< all else that the entry says, as it says it
  bool read = false;
  bool write = false;
  bool execute = false;
  friend bool operator==(const View&, const View&) = default;
};
using MaybeView = std::optional<View>;

/// VMSAv8-64 stage 2, 4 KiB granule (DDI 0487 D8.3).
struct Stage2Entries {
  using Format = aarch64::Stage2Format;

  /// What a mapping that was asked for shows.
  static View view_of(std::uint64_t hpa, MappingFlags flags) {
    const bool device = has_all(flags, MappingFlags::Device);
    const bool uncached = has_all(flags, MappingFlags::Uncached);
    const std::uint64_t memory = device ? 1 : (uncached ? 5 : 15);
    return {.hpa = hpa,
            .attributes = kAccessed | kInnerShareable | memory << 2,
            .read = has_all(flags, MappingFlags::Read),
            .write = has_all(flags, MappingFlags::Write),
            .execute = has_all(flags, MappingFlags::Execute)};
  }
  static bool is_valid(std::uint64_t d, unsigned) { return (d & 1) != 0; }
  /// The table that a valid entry points to.
  static std::optional<std::uint64_t> table(std::uint64_t d, unsigned height) {
    if (height == 0 || (d & 3) != 3) return std::nullopt;
    return d & kAddress;
  }
  /// What a valid entry that points to no table shows at `gpa`.
  static View leaf(std::uint64_t d, unsigned height, std::uint64_t gpa) {
    const std::uint64_t base = d & kAddress;
    const bool page = (d & 2) != 0;
    return {.sound = height < 3 && page == (height == 0) && base % size_at(height) == 0,
            .hpa = base + gpa % size_at(height),
            .attributes = d & (kAccessed | kInnerShareable | 0xf << 2),
            .read = (d >> 6) % 2 == 1,
            .write = (d >> 7) % 2 == 1,
            .execute = (d >> 54) % 2 == 0};
  }
  /// One valid entry may become another when only permissions differ, or what hardware ignores
  /// (D8.16.1).
  static bool may_follow(std::uint64_t old, std::uint64_t now, unsigned height) {
    const bool points = height > 0 && (old & 2) != 0;
    const std::uint64_t free = points ? 0xffcULL : (3ULL << 6) | (1ULL << 54);
    return ((old ^ now) & ~free) == 0;
  }

 private:
  static constexpr std::uint64_t kAddress = 0xffff'ffff'f000;
  static constexpr std::uint64_t kInnerShareable = 3 << 8;
  static constexpr std::uint64_t kAccessed = 1 << 10;
};

/// The G-stage of RISC-V ("Sv39", "Guest Physical Address Translation", Svpbmt).
struct GStageEntries {
  using Format = riscv64::GStageFormat;

  /// What may be written may be read.
  static View view_of(std::uint64_t hpa, MappingFlags flags) {
    const bool device = has_all(flags, MappingFlags::Device);
    const bool uncached = has_all(flags, MappingFlags::Uncached);
    const std::uint64_t type = device ? 2 : (uncached ? 1 : 0);
    return {.hpa = hpa,
            .attributes = type << 61 | kDirtyAccessedUser,
            .read = has_any(flags, kReadWrite),
            .write = has_all(flags, MappingFlags::Write),
            .execute = has_all(flags, MappingFlags::Execute)};
  }
  static bool is_valid(std::uint64_t pte, unsigned) { return pte % 2 == 1; }
  /// A pointer has neither R, W nor X, and whatever is reserved in one is zero.
  static std::optional<std::uint64_t> table(std::uint64_t pte, unsigned height) {
    if (height == 0 || (pte & ~kPageNumber) != 1) return std::nullopt;
    return (pte & kPageNumber) << 2;
  }
  static View leaf(std::uint64_t pte, unsigned height, std::uint64_t gpa) {
    const std::uint64_t base = (pte & kPageNumber) << 2;
    const bool read = (pte >> 1) % 2 == 1;
    const bool write = (pte >> 2) % 2 == 1;
    const bool execute = (pte >> 3) % 2 == 1;
    const bool reserved = (pte >> 54) % 128 != 0 || (pte >> 61) % 4 == 3 || (pte >> 63) != 0;
    return {
        .sound = (read || execute) && (read || !write) && !reserved && base % size_at(height) == 0,
        .hpa = base + gpa % size_at(height),
        .attributes = pte & (7ULL << 61 | 0xf0),
        .read = read,
        .write = write,
        .execute = execute};
  }
  /// The manual asks for no invalid entry in between, but lets harts then mix both translations as
  /// long as they remember the old one: only permissions may differ.
  static bool may_follow(std::uint64_t old, std::uint64_t now, unsigned height) {
    const std::uint64_t free = table(old, height) ? 0 : 7 << 1;
    return ((old ^ now) & ~free) == 0;
  }

 private:
  static constexpr std::uint64_t kPageNumber = ((1ULL << 44) - 1) << 10;
  static constexpr std::uint64_t kDirtyAccessedUser = 0b1101'0000;
};

}  // namespace axvm::test
