#pragma once
// What the strict TLB of a pCPU remembers.

#include <cstdint>
#include <sim/arch/aarch64/stage1.hpp>
#include <sim/arch/aarch64/stage2.hpp>
#include <sim/mmu/strict_tlb.hpp>
#include <sim/mmu/tlb_tag.hpp>

namespace axvm::sim::aarch64 {

using sim::TlbTag;

/// One remembered translation: VA to PA (stage 1 and 2 combined) or IPA to PA (stage 2 only). Holds
/// architectural permissions; what they mean for an access is decided at each lookup.
struct TlbEntry {
  /// Blocks of levels 3 to 1, ascending. TLBI IPAS2E1 leaves combined entries alone.
  static constexpr unsigned kSizes = kLastLevel;
  static constexpr bool kIndexesSources = false;
  static constexpr unsigned shift(unsigned size) noexcept { return level_shift(kLastLevel - size); }

  /// Start of the block translated: VA (top byte as Stage1::significant) or IPA.
  std::uint64_t input = 0;
  std::uint64_t ipa = 0;
  std::uint64_t pa = 0;
  /// Level whose block size the entry has, 1..3: the smaller of the leaves.
  std::uint8_t level = 3;
  /// Levels of the leaves. `stage1_level` equals `level` in stage-2-only entries; `stage2_level` is
  /// 0 when stage 2 was off.
  std::uint8_t stage1_level = 3;
  std::uint8_t stage2_level = 0;
  Stage1Attributes stage1;
  Stage2Attributes stage2;

  [[nodiscard]] constexpr unsigned size() const noexcept { return kLastLevel - level; }
  [[nodiscard]] constexpr unsigned first_size() const noexcept { return kLastLevel - stage1_level; }
  [[nodiscard]] constexpr unsigned second_size() const noexcept {
    return stage2_level == 0 ? kSizes - 1 : kLastLevel - stage2_level;
  }
  [[nodiscard]] constexpr bool is_valid() const noexcept {
    return level >= 1 && level <= kLastLevel && stage1_level >= 1 && stage1_level <= level &&
           stage2_level <= level;
  }
  void describe(StateVisitor& visitor) {
    visitor.field("input", input);
    visitor.field("ipa", ipa);
    visitor.field("pa", pa);
    visitor.value("level", level);
    visitor.value("stage1_level", stage1_level);
    visitor.value("stage2_level", stage2_level);
    std::uint64_t raw = stage1.raw();
    visitor.field("stage1", raw);
    stage1 = Stage1Attributes::from_raw(static_cast<std::uint32_t>(raw));
    raw = stage2.raw();
    visitor.field("stage2", raw);
    stage2 = Stage2Attributes::from_raw(static_cast<std::uint16_t>(raw));
  }

  friend bool operator==(const TlbEntry&, const TlbEntry&) = default;
};

using Tlb = StrictTlb<TlbEntry>;

}  // namespace axvm::sim::aarch64
