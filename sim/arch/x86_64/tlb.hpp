#pragma once
// What the strict TLB of a CPU remembers.

#include <cstdint>
#include <sim/arch/x86_64/page_table_entry.hpp>
#include <sim/mmu/strict_tlb.hpp>

namespace axvm::sim::x86_64 {

/// One remembered translation: linear to physical (both stages combined) or guest physical to
/// physical (nested only). Holds what the tables permit; what that means for an access is decided
/// at each lookup. All that is remembered has been accessed; what is not dirty is not written to by
/// way of the TLB.
struct TlbEntry {
  static constexpr unsigned kSizes = kBlockSizes;
  static constexpr bool kIndexesSources = true;
  static constexpr unsigned shift(unsigned size) noexcept {
    return block_shift(static_cast<BlockSize>(size));
  }

  /// Start of the block translated: linear, or guest physical.
  std::uint64_t input = 0;
  std::uint64_t ipa = 0;  ///< guest physical
  std::uint64_t pa = 0;
  /// The block's size: the smaller of the leaves'.
  BlockSize block = BlockSize::Page;
  /// Sizes of the leaves; All where there are no nested tables. Both are the leaf's in nested
  /// entries.
  BlockSize guest_block = BlockSize::Page;
  BlockSize nested_block = BlockSize::Page;
  /// Levels of the leaves.
  std::uint8_t guest_level = 0;
  std::uint8_t nested_level = 0;
  PageAttributes guest = {};
  PageAttributes nested = {};

  [[nodiscard]] constexpr unsigned size() const noexcept { return static_cast<unsigned>(block); }
  [[nodiscard]] constexpr unsigned first_size() const noexcept {
    return static_cast<unsigned>(guest_block);
  }
  [[nodiscard]] constexpr unsigned second_size() const noexcept {
    return static_cast<unsigned>(nested_block);
  }
  [[nodiscard]] constexpr bool is_valid() const noexcept {
    return size() < kSizes && first_size() < kSizes && second_size() < kSizes &&
           guest_level < kMaxLevels && nested_level < kMaxLevels;
  }
  /// Whether both lead from the same block to the same place.
  [[nodiscard]] constexpr bool same_place(const TlbEntry& other) const noexcept {
    return input == other.input && ipa == other.ipa && pa == other.pa && block == other.block &&
           guest_block == other.guest_block && nested_block == other.nested_block;
  }
  void describe(StateVisitor& visitor) {
    visitor.field("input", input);
    visitor.field("gpa", ipa);
    visitor.field("pa", pa);
    visitor.value("block", block);
    visitor.value("guest_block", guest_block);
    visitor.value("nested_block", nested_block);
    visitor.value("guest_level", guest_level);
    visitor.value("nested_level", nested_level);
    std::uint64_t raw = guest.raw();
    visitor.field("guest", raw);
    guest = PageAttributes::from_raw(static_cast<std::uint8_t>(raw));
    raw = nested.raw();
    visitor.field("nested", raw);
    nested = PageAttributes::from_raw(static_cast<std::uint8_t>(raw));
  }

  friend bool operator==(const TlbEntry&, const TlbEntry&) = default;
};

using Tlb = StrictTlb<TlbEntry>;

}  // namespace axvm::sim::x86_64
