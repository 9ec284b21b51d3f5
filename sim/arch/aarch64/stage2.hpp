#pragma once
// Stage 2 of the EL1&0 regime, 4 KiB granule: what HCR_EL2, VTCR_EL2 and VTTBR_EL2 say, and what a
// stage-2 leaf permits (DDI 0487 D8.2.2, D8.4.2).

#include <cstdint>
#include <sim/arch/aarch64/stage1.hpp>
#include <sim/bits.hpp>

namespace axvm::sim::aarch64 {

/// A leaf's MemAttr, S2AP and XN. The default is what holds while stage 2 is off: everything is
/// permitted and the memory type is stage 1's.
class Stage2Attributes {
 public:
  constexpr Stage2Attributes() = default;
  constexpr explicit Stage2Attributes(std::uint64_t descriptor) noexcept
      : raw_(static_cast<std::uint16_t>((descriptor & 0x3fc) | field(descriptor, 54, 54))) {}
  static constexpr Stage2Attributes from_raw(std::uint16_t raw) noexcept {
    Stage2Attributes a;
    a.raw_ = raw;
    return a;
  }

  /// MemAttr[3:0].
  [[nodiscard]] constexpr std::uint8_t memory() const noexcept {
    return static_cast<std::uint8_t>(field(raw_, 5, 2));
  }
  [[nodiscard]] constexpr bool device() const noexcept { return field(raw_, 5, 4) == 0; }
  /// SH[1:0].
  [[nodiscard]] constexpr std::uint8_t shareability() const noexcept {
    return static_cast<std::uint8_t>(field(raw_, 9, 8));
  }
  [[nodiscard]] constexpr Permissions permissions() const noexcept {
    return {.read = bit(raw_, 6), .write = bit(raw_, 7), .execute = !bit(raw_, 0)};
  }
  [[nodiscard]] constexpr std::uint16_t raw() const noexcept { return raw_; }

  friend bool operator==(Stage2Attributes, Stage2Attributes) = default;

 private:
  // SH, S2AP and MemAttr where the descriptor has them; XN (bit 54; FEAT_XNX is not implemented) in
  // bit 0. Without stage 2: everything is permitted, and nothing made stricter.
  std::uint16_t raw_ = 0xfc;
};

/// Where stage 2 leads.
struct Stage2Leaf {
  std::uint64_t pa = 0;
  /// Level of the leaf; 0 when stage 2 is off.
  std::uint8_t level = 0;
  Stage2Attributes attributes;
};

/// Stage 2 as the registers set it up.
struct Stage2 {
  bool enabled = false;
  /// HCR_EL2.PTW: stage-1 tables in Device memory are a permission fault.
  bool protect_walks = false;
  /// The table is out of range; every address is an address size fault.
  bool table_oversized = false;
  std::uint8_t start_level = 0;
  std::uint8_t input_bits = 0;
  /// 2 to the number of bits translated; 0 when every address faults: T0SZ and SL0 do not fit each
  /// other, or T0SZ asks for more than the processor's physical addresses.
  std::uint64_t input_limit = 0;
  DescriptorMasks masks;  ///< by VTCR_EL2.PS
  std::uint16_t vmid = 0;
  std::uint64_t table = 0;

  Stage2() = default;
  Stage2(const Registers& registers, const Features& features) noexcept;
};

}  // namespace axvm::sim::aarch64
