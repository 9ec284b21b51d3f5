#pragma once
// What the strict TLB of a hart remembers.

#include <cstdint>
#include <sim/arch/riscv64/page_table_entry.hpp>
#include <sim/mmu/strict_tlb.hpp>

namespace axvm::sim::riscv64 {

/// One remembered translation: virtual to physical (both stages combined) or guest physical to
/// physical (G-stage only). Holds the leaves' permissions; what they mean for an access is decided
/// at each lookup.
struct TlbEntry {
  static constexpr unsigned kSizes = kBlockSizes;
  static constexpr bool kIndexesSources = true;
  static constexpr unsigned shift(unsigned size) noexcept {
    return block_shift(static_cast<BlockSize>(size));
  }

  /// Start of the block translated: virtual, or guest physical.
  std::uint64_t input = 0;
  std::uint64_t ipa = 0;  ///< guest physical
  std::uint64_t pa = 0;
  /// The block's size: the smaller of the leaves'.
  BlockSize block = BlockSize::Page;
  /// Sizes of the leaves; the largest one where a stage is Bare. Both are the leaf's in entries of
  /// the G-stage only.
  BlockSize vs_block = BlockSize::Page;
  BlockSize g_block = BlockSize::Page;
  /// Levels of the leaves.
  std::uint8_t vs_level = 0;
  std::uint8_t g_level = 0;
  LeafAttributes vs;
  LeafAttributes g;

  [[nodiscard]] constexpr unsigned size() const noexcept { return static_cast<unsigned>(block); }
  [[nodiscard]] constexpr unsigned first_size() const noexcept {
    return static_cast<unsigned>(vs_block);
  }
  [[nodiscard]] constexpr unsigned second_size() const noexcept {
    return static_cast<unsigned>(g_block);
  }
  [[nodiscard]] constexpr bool is_valid() const noexcept {
    return size() < kSizes && first_size() < kSizes && second_size() < kSizes &&
           vs_level < kMaxLevels && g_level < kMaxLevels;
  }
  void describe(StateVisitor& visitor) {
    visitor.field("input", input);
    visitor.field("gpa", ipa);
    visitor.field("pa", pa);
    visitor.value("block", block);
    visitor.value("vs_block", vs_block);
    visitor.value("g_block", g_block);
    visitor.value("vs_level", vs_level);
    visitor.value("g_level", g_level);
    std::uint64_t raw = vs.raw();
    visitor.field("vs", raw);
    vs = LeafAttributes::from_raw(static_cast<std::uint16_t>(raw));
    raw = g.raw();
    visitor.field("g", raw);
    g = LeafAttributes::from_raw(static_cast<std::uint16_t>(raw));
  }

  friend bool operator==(const TlbEntry&, const TlbEntry&) = default;
};

using Tlb = StrictTlb<TlbEntry>;

}  // namespace axvm::sim::riscv64
