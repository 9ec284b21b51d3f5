#pragma once
// Segments: as a VMCB and registers hold them, and as descriptors in memory (APM Vol. 2 4.7, 4.8).

#include <cstdint>

namespace axvm::x86_64 {

/// A descriptor's attributes, packed as a VMCB has them: bits [55:52] and [47:40] of the descriptor
/// side by side (APM Vol. 2 15.5.1).
struct SegmentAttributes {
  std::uint8_t type = 0;        ///< 4 bits: of a code or data segment, or of a system segment
  bool is_code_or_data = true;  ///< S
  std::uint8_t dpl = 0;         ///< 0..3
  bool is_present = true;       ///< P
  bool available = false;       ///< AVL
  bool is_long = false;         ///< L: 64-bit code
  bool is_32bit = false;        ///< D or B
  bool is_granular = false;     ///< G: the limit counts pages

  [[nodiscard]] static constexpr SegmentAttributes decode(std::uint16_t bits) noexcept {
    return {.type = static_cast<std::uint8_t>(bits & 0xf),
            .is_code_or_data = (bits >> 4 & 1) != 0,
            .dpl = static_cast<std::uint8_t>(bits >> 5 & 3),
            .is_present = (bits >> 7 & 1) != 0,
            .available = (bits >> 8 & 1) != 0,
            .is_long = (bits >> 9 & 1) != 0,
            .is_32bit = (bits >> 10 & 1) != 0,
            .is_granular = (bits >> 11 & 1) != 0};
  }
  [[nodiscard]] constexpr std::uint16_t encode() const noexcept {
    return static_cast<std::uint16_t>((type & 0xfU) | unsigned{is_code_or_data} << 4 |
                                      (dpl & 3U) << 5 | unsigned{is_present} << 7 |
                                      unsigned{available} << 8 | unsigned{is_long} << 9 |
                                      unsigned{is_32bit} << 10 | unsigned{is_granular} << 11);
  }

  friend constexpr bool operator==(const SegmentAttributes&, const SegmentAttributes&) = default;
};

/// A segment register with its hidden part, in the form of the VMCB's state save area (APM Vol. 2,
/// table B-2).
struct SegmentRegister {
  std::uint16_t selector = 0;
  std::uint16_t attributes = 0;  ///< SegmentAttributes, encoded
  std::uint32_t limit = 0;       ///< the last byte's offset, whatever G says
  std::uint64_t base = 0;        ///< in 32 bits but for FS, GS, LDTR and TR

  friend constexpr bool operator==(const SegmentRegister&, const SegmentRegister&) = default;
};
static_assert(sizeof(SegmentRegister) == 16);

/// What loading `selector` makes of its `descriptor` of 8 bytes. `upper` is what follows in the
/// table, which a system segment has in 64-bit mode: bits [63:32] of its base (APM Vol. 2 4.8.3).
[[nodiscard]] constexpr SegmentRegister load_segment(std::uint16_t selector,
                                                     std::uint64_t descriptor,
                                                     std::uint64_t upper = 0) noexcept {
  SegmentRegister segment{.selector = selector};
  segment.attributes =
      static_cast<std::uint16_t>((descriptor >> 40 & 0xff) | (descriptor >> 52 & 0xf) << 8);
  segment.limit = static_cast<std::uint32_t>((descriptor & 0xffff) | (descriptor >> 32 & 0xf'0000));
  if (SegmentAttributes::decode(segment.attributes).is_granular) {
    segment.limit = segment.limit << 12 | 0xfff;
  }
  segment.base = (descriptor >> 16 & 0xff'ffff) | (descriptor >> 32 & 0xff00'0000) |
                 (upper & 0xffff'ffff) << 32;
  return segment;
}

/// The descriptor that load_segment() makes `segment` of, if there is one: its limit must be one
/// that the descriptor's 20 bits can say. The base's upper half is lost.
[[nodiscard]] constexpr std::uint64_t descriptor_of(const SegmentRegister& segment) noexcept {
  const bool is_granular = SegmentAttributes::decode(segment.attributes).is_granular;
  const std::uint64_t limit = is_granular ? segment.limit >> 12 : segment.limit & 0xf'ffff;
  const std::uint64_t attributes = segment.attributes;
  return (limit & 0xffff) | (limit & 0xf'0000) << 32 | (segment.base & 0xff'ffff) << 16 |
         (segment.base & 0xff00'0000) << 32 | (attributes & 0xff) << 40 |
         (attributes >> 8 & 0xf) << 52;
}

/// Flat 64-bit code, and flat data that may be written.
static_assert(load_segment(0x08, 0x00af'9b00'0000'ffff) ==
              SegmentRegister{0x08, 0xa9b, 0xffff'ffff, 0});
static_assert(descriptor_of({0x10, 0xc93, 0xffff'ffff, 0}) == 0x00cf'9300'0000'ffff);

}  // namespace axvm::x86_64
