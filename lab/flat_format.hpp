#pragma once
// Stage-2 tables that no processor has: two levels of AMD's nested tables in one table of 2 MiB,
// which 18 bits of the address choose from (Park et al., Every Walk's a Hit, ASPLOS 2022). The
// core's PageTable makes them as it makes any.

#include <core/arch/x86_64/nested_format.hpp>
#include <core/memory/page_table_format.hpp>

namespace axvm::lab {

/// Entries are those of NptFormat; pages only. They have no room for 2^18: the counts lie beside.
struct FlatNestedFormat {
  using Entries = x86_64::NptFormat;

  static constexpr unsigned kGranuleShift = 12;
  static constexpr unsigned kIndexBits = 18;
  static constexpr unsigned kMinLevels = 2;
  static constexpr unsigned kMaxLevels = 2;
  static constexpr unsigned kMaxInputBits = 48;
  static constexpr std::size_t kMaxRootTables = 1;
  static constexpr unsigned kMaxLeafHeight = 0;
  static constexpr std::uint64_t kOutputLimit = Entries::kOutputLimit;
  static constexpr std::uint64_t kInvalid = Entries::kInvalid;
  static constexpr std::uint64_t kAddressBits = Entries::kAddressBits;

  [[nodiscard]] static constexpr bool is_valid(std::uint64_t entry) noexcept {
    return Entries::is_valid(entry);
  }
  [[nodiscard]] static constexpr bool is_leaf(std::uint64_t entry, unsigned height) noexcept {
    return height == 0 && is_valid(entry);
  }
  [[nodiscard]] static constexpr bool is_table(std::uint64_t entry, unsigned height) noexcept {
    return height != 0 && is_valid(entry);
  }
  [[nodiscard]] static constexpr HostPhysAddr address(std::uint64_t entry) noexcept {
    return Entries::address(entry);
  }
  [[nodiscard]] static constexpr std::uint64_t place(HostPhysAddr to) noexcept {
    return Entries::place(to);
  }
  [[nodiscard]] static constexpr std::uint64_t table(HostPhysAddr next, unsigned) noexcept {
    return Entries::table(next, 0);
  }
  [[nodiscard]] static constexpr std::uint64_t leaf(HostPhysAddr to, MappingFlags flags,
                                                    unsigned height) noexcept {
    return Entries::leaf(to, flags, height);
  }
  [[nodiscard]] static constexpr MappingFlags flags(std::uint64_t entry) noexcept {
    return Entries::flags(entry);
  }
  [[nodiscard]] static constexpr bool may_replace(std::uint64_t from, std::uint64_t to) noexcept {
    return Entries::may_replace(from, to);
  }
  [[nodiscard]] static constexpr std::uint64_t broken(std::uint64_t entry) noexcept {
    return Entries::broken(entry);
  }
};

static_assert(PageTableFormat<FlatNestedFormat> && !CountsInEntries<FlatNestedFormat>);
static_assert(PageTableShape<FlatNestedFormat>::kTableSize == 2U << 20);

}  // namespace axvm::lab
