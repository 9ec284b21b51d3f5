#pragma once
// VMSAv8-64 tables as a walker sees them (DDI 0487 D8.2, D8.3), both stages: they differ in
// attributes only. Names say the granule and the bits of input address; 52 bits need FEAT_LPA2 (4K,
// 16K) or FEAT_LVA and FEAT_LPA (64K).

#include <array>
#include <sim/timing/table_format.hpp>

namespace axvm::sim::aarch64 {

namespace table_formats {

/// Bit 0 is valid; bit 1 tells tables, and pages at the last level, from blocks, of which there are
/// none above `kMaxLeafHeight`. Output addresses of 48 bits.
template <unsigned kPageShift, unsigned kMaxLeafHeight>
constexpr timing::Descriptor decode(std::uint64_t entry, unsigned height) noexcept {
  using Kind = timing::Descriptor::Kind;
  const bool table_or_page = (entry & 2) != 0;
  if ((entry & 1) == 0) return {};
  if (!table_or_page && (height == 0 || height > kMaxLeafHeight)) return {};
  const bool table = table_or_page && height > 0;
  // What is below a block's address is none of it: bit 16 is nT.
  const unsigned low = table ? kPageShift : kPageShift + height * (kPageShift - 3);
  const std::uint64_t address = entry & ((1ULL << 48) - (1ULL << low));
  const bool global = (entry >> 11 & 1) == 0;  // nG
  return {table ? Kind::Table : Kind::Leaf, address, global};
}
/// The same with TCR_EL1.DS or VTCR_EL2.DS set: bits [9:8] are address bits [51:50].
template <unsigned kPageShift, unsigned kMaxLeafHeight>
constexpr timing::Descriptor decode_lpa2(std::uint64_t entry, unsigned height) noexcept {
  timing::Descriptor d = decode<kPageShift, kMaxLeafHeight>(entry, height);
  if (d.kind != timing::Descriptor::Kind::Invalid) {
    d.address |= (entry & (3ULL << 48)) | (entry >> 8 & 3) << 50;
  }
  return d;
}
/// 64 KiB granule with 52-bit addresses: bits [15:12] are address bits [51:48].
constexpr timing::Descriptor decode_lpa(std::uint64_t entry, unsigned height) noexcept {
  timing::Descriptor d = decode<16, 2>(entry, height);
  if (d.kind != timing::Descriptor::Kind::Invalid) d.address |= (entry >> 12 & 0xf) << 48;
  return d;
}

}  // namespace table_formats

/// Name, page shift, index bits, levels, input bits, largest leaf's height, decoder.
inline constexpr std::array kTableFormats{
    timing::TableFormat{"vmsa-4k-30", 12, 9, 2, 30, 1, table_formats::decode<12, 1>},
    timing::TableFormat{"vmsa-4k-39", 12, 9, 3, 39, 2, table_formats::decode<12, 2>},
    timing::TableFormat{"vmsa-4k-40", 12, 9, 3, 40, 2, table_formats::decode<12, 2>},
    timing::TableFormat{"vmsa-4k-48", 12, 9, 4, 48, 2, table_formats::decode<12, 2>},
    timing::TableFormat{"vmsa-4k-52", 12, 9, 5, 52, 3, table_formats::decode_lpa2<12, 3>},
    timing::TableFormat{"vmsa-16k-36", 14, 11, 2, 36, 1, table_formats::decode<14, 1>},
    timing::TableFormat{"vmsa-16k-40", 14, 11, 2, 40, 1, table_formats::decode<14, 1>},
    timing::TableFormat{"vmsa-16k-47", 14, 11, 3, 47, 1, table_formats::decode<14, 1>},
    timing::TableFormat{"vmsa-16k-48", 14, 11, 4, 48, 1, table_formats::decode<14, 1>},
    timing::TableFormat{"vmsa-16k-52", 14, 11, 4, 52, 2, table_formats::decode_lpa2<14, 2>},
    timing::TableFormat{"vmsa-64k-42", 16, 13, 2, 42, 1, table_formats::decode<16, 1>},
    timing::TableFormat{"vmsa-64k-48", 16, 13, 3, 48, 1, table_formats::decode<16, 1>},
    timing::TableFormat{"vmsa-64k-52", 16, 13, 3, 52, 2, table_formats::decode_lpa},
};

}  // namespace axvm::sim::aarch64
