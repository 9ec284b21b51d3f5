#pragma once
// Stage 1 of the EL1&0 regime, 4 KiB granule: what TCR_EL1 and TTBRn_EL1 say, and what a stage-1
// leaf permits (DDI 0487 D8.2-D8.4).

#include <algorithm>
#include <cstdint>
#include <sim/arch/aarch64/translation.hpp>
#include <sim/bits.hpp>

namespace axvm::sim::aarch64 {

inline constexpr unsigned kGranuleBits = 12;
inline constexpr unsigned kIndexBits = kGranuleBits - 3;
inline constexpr unsigned kLastLevel = 3;
/// Output address of a descriptor, bits 47:12.
inline constexpr std::uint64_t kDescriptorAddress = 0x0000'ffff'ffff'f000;
inline constexpr std::uint64_t kDescriptorAccessFlag = std::uint64_t{1} << 10;
/// Bits 1:0: a table, or a page at level 3; a block at levels 1 and 2.
inline constexpr std::uint64_t kTableOrPage = 0b11;
inline constexpr std::uint64_t kBlock = 0b01;

static_assert(kGranuleBits + (kLastLevel + 1) * kIndexBits == 48, "four levels resolve 48 bits");

/// log2 of the bytes that one descriptor of `level` maps.
constexpr unsigned level_shift(unsigned level) noexcept {
  return kGranuleBits + (kLastLevel - level) * kIndexBits;
}
constexpr std::uint64_t level_size(unsigned level) noexcept {
  return std::uint64_t{1} << level_shift(level);
}

static_assert(level_size(3) == 4096 && level_size(2) == 2U << 20 && level_size(1) == 1U << 30);

/// Physical address width of a PS, IPS or PARange field, never more than the processor's.
constexpr unsigned address_bits(unsigned field, unsigned implemented) noexcept {
  constexpr unsigned kWidths[8] = {32, 36, 40, 42, 44, 48, 48, 48};
  return std::min(kWidths[field & 7], implemented);
}

/// A leaf's permissions after the hierarchical ones, its memory type, and nG.
class Stage1Attributes {
 public:
  constexpr Stage1Attributes() = default;
  /// `inherited`: the descriptors of the tables on the way, or-ed (APTable, UXNTable, PXNTable).
  constexpr Stage1Attributes(std::uint64_t leaf, std::uint64_t inherited,
                             std::uint64_t mair) noexcept
      : raw_(static_cast<std::uint32_t>((leaf & kFields) | (field(leaf, 54, 53) << kPxn) |
                                        (((mair >> (8 * field(leaf, 4, 2))) & 0xff) << 16))) {
    if (field(inherited, 62, 59) == 0) [[likely]]
      return;
    raw_ |= static_cast<std::uint32_t>(field(inherited, 60, 59) << kPxn) |
            static_cast<std::uint32_t>(field(inherited, 62, 62) << kReadOnly);
    if (bit(inherited, 61)) raw_ &= ~(1U << kEl0);
  }
  static constexpr Stage1Attributes from_raw(std::uint32_t raw) noexcept {
    Stage1Attributes a;
    a.raw_ = raw;
    return a;
  }
  /// Of everything while stage 1 is off; `memory` is an attribute byte as in MAIR_EL1.
  static constexpr Stage1Attributes flat(std::uint8_t memory) noexcept {
    return from_raw(std::uint32_t{memory} << 16);
  }

  [[nodiscard]] constexpr bool el0_accessible() const noexcept { return bit(raw_, kEl0); }
  [[nodiscard]] constexpr bool read_only() const noexcept { return bit(raw_, kReadOnly); }
  [[nodiscard]] constexpr bool uxn() const noexcept { return bit(raw_, kUxn); }
  [[nodiscard]] constexpr bool pxn() const noexcept { return bit(raw_, kPxn); }
  [[nodiscard]] constexpr bool global() const noexcept { return !bit(raw_, kNotGlobal); }
  /// SH[1:0].
  [[nodiscard]] constexpr std::uint8_t shareability() const noexcept {
    return static_cast<std::uint8_t>(field(raw_, 9, 8));
  }
  /// The attribute byte of MAIR_EL1.
  [[nodiscard]] constexpr std::uint8_t memory() const noexcept {
    return static_cast<std::uint8_t>(raw_ >> 16);
  }
  /// Device-nGnRnE, nGnRE, nGRE or GRE.
  [[nodiscard]] constexpr bool device() const noexcept { return field(raw_, 23, 20) == 0; }
  [[nodiscard]] constexpr std::uint32_t raw() const noexcept { return raw_; }

  friend bool operator==(Stage1Attributes, Stage1Attributes) = default;

 private:
  // AP, SH and nG where the descriptor has them, PXN and UXN in bits 1:0, the memory type in 23:16.
  static constexpr unsigned kPxn = 0, kUxn = 1, kEl0 = 6, kReadOnly = 7, kNotGlobal = 11;
  static constexpr std::uint64_t kFields = 0xbc0;
  std::uint32_t raw_ = 0;
};

/// What descriptors of a stage are held against.
struct DescriptorMasks {
  /// 2 to the width of an output address.
  std::uint64_t output_limit = 0;
  /// Bits of an output address that are beyond.
  std::uint64_t oversize = 0;
  /// A descriptor that is its level's type and the access flag under this mask is a leaf in range.
  std::uint64_t leaf = 0;

  DescriptorMasks() = default;
  constexpr explicit DescriptorMasks(unsigned output_bits) noexcept
      : output_limit(std::uint64_t{1} << output_bits),
        oversize(kDescriptorAddress & ~(output_limit - 1)),
        leaf(oversize | kDescriptorAccessFlag | kTableOrPage) {}
};

/// Where stage 1 leads.
struct Stage1Leaf {
  std::uint64_t ipa = 0;
  /// Level of the leaf; 0 when stage 1 is off.
  std::uint8_t level = 0;
  Stage1Attributes attributes;
};

/// The attribute byte of Normal, write-back, allocating memory.
inline constexpr std::uint8_t kNormalWriteBack = 0xff;

/// What may be done with an address.
struct Permissions {
  bool read = false;
  bool write = false;
  bool execute = false;

  [[nodiscard]] constexpr bool allow(Access access) const noexcept {
    return access == Access::Read ? read : access == Access::Write ? write : execute;
  }
};

/// Stage-1 permissions for a context (DDI 0487 D8.4.1): AP, UXN, PXN, PAN and SCTLR_EL1.WXN.
constexpr Permissions stage1_permissions(Stage1Attributes leaf, unsigned el, bool pan,
                                         bool wxn) noexcept {
  const bool el0_write = leaf.el0_accessible() && !leaf.read_only();
  if (el == 0) {
    return {.read = leaf.el0_accessible(),
            .write = el0_write,
            .execute = !leaf.uxn() && !(wxn && el0_write)};
  }
  // PAN denies data accesses only; writable at EL0 is never executable at EL1.
  const bool denied = pan && leaf.el0_accessible();
  return {.read = !denied,
          .write = !leaf.read_only() && !denied,
          .execute = !leaf.pxn() && !el0_write && !(wxn && !leaf.read_only())};
}

/// One half of the virtual address space: what TTBR0_EL1 or TTBR1_EL1 translates.
struct Stage1Half {
  /// Root table, an IPA.
  std::uint64_t table = 0;
  /// The table is out of range; every address translated is an address size fault.
  bool table_oversized = false;
  /// 2 to the number of bits translated; 0 when every address faults: EPDn is set or TnSZ is not a
  /// size that the 4 KiB granule has.
  std::uint64_t input_limit = 0;
  /// What the bits above are: all 0 for TTBR0_EL1, all 1 for TTBR1_EL1.
  std::uint64_t sign = 0;
  bool top_byte_ignored = false;
  bool hierarchical = true;
  std::uint8_t start_level = 0;
  std::uint8_t input_bits = 0;
};

/// Stage 1 as the registers set it up.
struct Stage1 {
  bool enabled = false;
  bool wxn = false;
  bool big_endian = false;
  /// The memory type of everything when stage 1 is off: Device-nGnRnE, or Normal with HCR_EL2.DC.
  std::uint8_t flat_memory = 0;
  std::uint16_t asid = 0;
  DescriptorMasks masks;  ///< by TCR_EL1.IPS
  std::uint64_t mair = 0;
  Stage1Half half[2];  ///< by bit 55 of the address

  Stage1() = default;
  Stage1(const Registers& registers, const Features& features) noexcept;

  /// The address as translation sees it: the top byte is bit 55 repeated when it is ignored
  /// (TCR_EL1.TBI0/TBI1).
  [[nodiscard]] std::uint64_t significant(std::uint64_t va) const noexcept {
    if (!half[(va >> 55) & 1].top_byte_ignored) return va;
    return static_cast<std::uint64_t>(static_cast<std::int64_t>(va << 8) >> 8);
  }
};

}  // namespace axvm::sim::aarch64
