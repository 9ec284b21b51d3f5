#pragma once
// x86-64 tables as a walker sees them: the guest's and AMD's nested ones (SDM Vol. 3A 4.5, APM Vol.
// 2 5.3 and 15.25), and Intel's EPT (SDM Vol. 3C 29.3).

#include <array>
#include <sim/timing/table_format.hpp>

namespace axvm::sim::x86_64 {

namespace table_formats {

constexpr std::uint64_t kAddress = 0x000f'ffff'ffff'f000;
constexpr std::uint64_t kLargePage = 1ULL << 7;

constexpr timing::Descriptor decode(std::uint64_t entry, unsigned height,
                                    std::uint64_t present) noexcept {
  using Kind = timing::Descriptor::Kind;
  if ((entry & present) == 0) return {};
  const bool leaf = height == 0 || (entry & kLargePage) != 0;
  if (!leaf) return {Kind::Table, entry & kAddress};
  if (height > 2) return {};  // reserved
  // Bit 12 of a large page is PAT, the others up to its size are reserved.
  return {Kind::Leaf, entry & kAddress & ~((1ULL << (12 + 9 * height)) - 1)};
}
/// Bit 0: present.
constexpr timing::Descriptor decode_paging(std::uint64_t entry, unsigned height) noexcept {
  return decode(entry, height, 1);
}
/// Two levels in one table of 2 MiB: 18 bits of the address choose an entry (Park et al., Every
/// Walk's a Hit, ASPLOS 2022). No processor has this.
constexpr timing::Descriptor decode_flat(std::uint64_t entry, unsigned height) noexcept {
  using Kind = timing::Descriptor::Kind;
  if ((entry & 1) == 0) return {};
  const bool leaf = height == 0 || (entry & kLargePage) != 0;
  if (!leaf) return {Kind::Table, entry & kAddress};
  return {Kind::Leaf, entry & kAddress & ~((1ULL << (12 + 18 * height)) - 1)};
}
/// Read, write or execute: any of them makes an entry present.
constexpr timing::Descriptor decode_ept(std::uint64_t entry, unsigned height) noexcept {
  return decode(entry, height, 7);
}

}  // namespace table_formats

inline constexpr std::array kTableFormats{
    timing::TableFormat{"x86-4", 12, 9, 4, 48, 2, table_formats::decode_paging},
    timing::TableFormat{"x86-5", 12, 9, 5, 57, 2, table_formats::decode_paging},
    timing::TableFormat{"x86-4-flat", 12, 18, 2, 48, 1, table_formats::decode_flat},
    timing::TableFormat{"npt-4", 12, 9, 4, 48, 2, table_formats::decode_paging},
    timing::TableFormat{"npt-5", 12, 9, 5, 57, 2, table_formats::decode_paging},
    timing::TableFormat{"npt-4-flat", 12, 18, 2, 48, 0, table_formats::decode_flat},
    timing::TableFormat{"ept-4", 12, 9, 4, 48, 2, table_formats::decode_ept},
    timing::TableFormat{"ept-5", 12, 9, 5, 57, 2, table_formats::decode_ept},
};

}  // namespace axvm::sim::x86_64
