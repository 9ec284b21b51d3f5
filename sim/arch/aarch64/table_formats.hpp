#pragma once
// VMSAv8-64 tables as a walker sees them (DDI 0487 D8.2, D8.3), both stages: they differ in
// attributes only. Names say the granule and the bits of input address; 52 bits need FEAT_LPA2 (4K,
// 16K) or FEAT_LVA and FEAT_LPA (64K).

#include <array>
#include <sim/timing/table_format.hpp>

namespace axvm::sim::aarch64 {

namespace table_formats {

/// D8.3.1: bit 0 is valid; bit 1 tells tables, and pages at the last level, from blocks. Output
/// addresses of 48 bits.
template <unsigned kPageShift>
constexpr timing::Descriptor decode(std::uint64_t entry, unsigned height) noexcept {
  using Kind = timing::Descriptor::Kind;
  const bool table_or_page = (entry & 2) != 0;
  if ((entry & 1) == 0 || (height == 0 && !table_or_page)) return {};
  const std::uint64_t address = entry & ((1ULL << 48) - (1ULL << kPageShift));
  return {height > 0 && table_or_page ? Kind::Table : Kind::Leaf, address};
}
/// The same with TCR_EL1.DS or VTCR_EL2.DS set: bits [9:8] are address bits [51:50].
template <unsigned kPageShift>
constexpr timing::Descriptor decode_lpa2(std::uint64_t entry, unsigned height) noexcept {
  timing::Descriptor d = decode<kPageShift>(entry, height);
  if (d.kind != timing::Descriptor::Kind::Invalid) {
    d.address |= (entry & (3ULL << 48)) | (entry >> 8 & 3) << 50;
  }
  return d;
}
/// 64 KiB granule with 52-bit addresses: bits [15:12] are address bits [51:48].
constexpr timing::Descriptor decode_lpa(std::uint64_t entry, unsigned height) noexcept {
  timing::Descriptor d = decode<16>(entry, height);
  if (d.kind != timing::Descriptor::Kind::Invalid) d.address |= (entry >> 12 & 0xf) << 48;
  return d;
}

}  // namespace table_formats

/// Name, page shift, index bits, levels, input bits, largest leaf's height, decoder.
inline constexpr std::array kTableFormats{
    timing::TableFormat{"vmsa-4k-30", 12, 9, 2, 30, 1, table_formats::decode<12>},
    timing::TableFormat{"vmsa-4k-39", 12, 9, 3, 39, 2, table_formats::decode<12>},
    timing::TableFormat{"vmsa-4k-40", 12, 9, 3, 40, 2, table_formats::decode<12>},
    timing::TableFormat{"vmsa-4k-48", 12, 9, 4, 48, 2, table_formats::decode<12>},
    timing::TableFormat{"vmsa-4k-52", 12, 9, 5, 52, 3, table_formats::decode_lpa2<12>},
    timing::TableFormat{"vmsa-16k-36", 14, 11, 2, 36, 1, table_formats::decode<14>},
    timing::TableFormat{"vmsa-16k-47", 14, 11, 3, 47, 1, table_formats::decode<14>},
    timing::TableFormat{"vmsa-16k-48", 14, 11, 4, 48, 1, table_formats::decode<14>},
    timing::TableFormat{"vmsa-16k-52", 14, 11, 4, 52, 2, table_formats::decode_lpa2<14>},
    timing::TableFormat{"vmsa-64k-42", 16, 13, 2, 42, 1, table_formats::decode<16>},
    timing::TableFormat{"vmsa-64k-48", 16, 13, 3, 48, 1, table_formats::decode<16>},
    timing::TableFormat{"vmsa-64k-52", 16, 13, 3, 52, 2, table_formats::decode_lpa},
};

}  // namespace axvm::sim::aarch64
