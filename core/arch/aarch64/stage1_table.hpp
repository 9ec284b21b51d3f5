#pragma once
// The guest's own translation tables, as far as the VMM has to know them: which level of a stage-1
// walk it was that stage 2 refused. 4 KiB granule only, as guests are told (DDI 0487 D8.2).

#include <bit>
#include <core/arch/aarch64/registers.hpp>
#include <cstdint>
#include <optional>

namespace axvm::aarch64 {

/// The registers that begin a walk.
struct Stage1Root {
  std::uint64_t table = 0;    ///< intermediate physical address of the first table
  unsigned address_bits = 0;  ///< 64 - TxSZ
  bool big_endian_tables = false;
};

/// Where the walk for `va` begins: bit 55 selects TTBR0_EL1 or TTBR1_EL1.
[[nodiscard]] constexpr Stage1Root stage1_root(std::uint64_t va, std::uint64_t tcr,
                                               std::uint64_t ttbr0, std::uint64_t ttbr1,
                                               std::uint64_t sctlr) noexcept {
  const bool upper = ((va >> 55) & 1) != 0;
  const auto size_offset = static_cast<unsigned>((upper ? tcr >> 16 : tcr) & 0x3f);
  constexpr std::uint64_t kTableMask = 0x0000'ffff'ffff'f000;
  return {(upper ? ttbr1 : ttbr0) & kTableMask, 64 - size_offset, ((sctlr >> 25) & 1) != 0};
}

/// The level whose descriptor for `va` lies in the page at `refused`. `read(address)` gives the 8
/// bytes there as the host reads them, or nothing. Nothing when the walk does not get there.
template <class Read>
[[nodiscard]] std::optional<unsigned> stage1_level_at(const Stage1Root& root, std::uint64_t va,
                                                      std::uint64_t refused, const Read& read) {
  constexpr unsigned kIndexBits = 9, kPageBits = 12;
  if (root.address_bits < 25 || root.address_bits > 48) return std::nullopt;
  const unsigned levels = (root.address_bits - kPageBits + kIndexBits - 1) / kIndexBits;
  std::uint64_t table = root.table;
  for (unsigned level = 4 - levels; level <= 3; ++level) {
    const unsigned shift = kPageBits + kIndexBits * (3 - level);
    const unsigned top = level == 4 - levels ? root.address_bits : shift + kIndexBits;
    const std::uint64_t index = (va & ((1ULL << top) - 1)) >> shift;
    const std::uint64_t at = table + index * 8;
    if (at >> kPageBits == refused >> kPageBits) return level;
    std::optional<std::uint64_t> descriptor = read(at);
    if (!descriptor) return std::nullopt;
    if (root.big_endian_tables) descriptor = std::byteswap(*descriptor);
    if ((*descriptor & 0b11) != 0b11) return std::nullopt;
    table = *descriptor & 0x0000'ffff'ffff'f000;
  }
  return std::nullopt;
}

}  // namespace axvm::aarch64
