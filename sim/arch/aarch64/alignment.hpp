#pragma once
// Which loads and stores have to be aligned, and to what, while SCTLR_EL1.A is set (DDI 0487
// B2.5.2, D24.2.118).

#include <cstdint>
#include <sim/arch/aarch64/decode.hpp>

namespace axvm::sim::aarch64 {

/// True for encodings among the loads and stores that Armv8.0 does not have: LSE and LOR (8.1),
/// RCPC (8.3, 8.4), authenticated loads. This CPU takes them as undefined.
constexpr bool is_later_than_armv8_0(std::uint32_t word) noexcept {
  const auto bit = [word](unsigned n) { return ((word >> n) & 1) != 0; };
  switch ((word >> 28) & 3) {
    case 0:  // exclusive and ordered: CAS and CASP, LDLAR and STLLR
      if (bit(26)) return false;
      if (bit(21)) return bit(23) || !bit(31);
      return bit(23) && !bit(15);
    case 1: return bit(24);
    case 3: return !bit(24) && bit(21) && ((word >> 10) & 3) != 2;
    default: return false;
  }
}

/// The alignment, in bytes, that this load or store of Armv8.0 has to have: each register or SIMD
/// element by itself, an exclusive pair as a whole. 0 when it is none.
[[nodiscard]] inline unsigned alignment_of(std::uint32_t word) noexcept {
  constexpr std::uint32_t kGroup = 0x0a00'0000;
  if ((word & kGroup) != 0x0800'0000 || is_later_than_armv8_0(word)) return 0;
  const auto i = decode_memory_instruction(word);
  if (!i || i->is_prefetch) return 0;
  return i->is_exclusive ? i->access_bytes : i->element_bytes;
}

}  // namespace axvm::sim::aarch64
