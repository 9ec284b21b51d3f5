#pragma once
// Page table entries of Sv39, Sv48 and Sv57, and of the G-stage's formats, which are the same
// ("Addressing and Memory Protection"; "Guest Physical Address Translation"; Svnapot; Svpbmt).

#include <cstdint>
#include <sim/arch/riscv64/translation.hpp>
#include <sim/bits.hpp>

namespace axvm::sim::riscv64 {

inline constexpr unsigned kPageBits = 12;
inline constexpr unsigned kIndexBits = kPageBits - 3;
inline constexpr unsigned kMaxLevels = 5;

/// log2 of the bytes that one entry of `level` maps; level 0 has the pages.
constexpr unsigned level_shift(unsigned level) noexcept { return kPageBits + level * kIndexBits; }

static_assert(level_shift(1) == 21 && level_shift(2) == 30 && level_shift(4) + kIndexBits == 57);

/// Sizes of blocks, ascending: pages, naturally aligned power-of-two ranges of 16 pages (Svnapot),
/// and leaves of levels 1 to 4.
enum class BlockSize : std::uint8_t { Page, Napot, Mega, Giga, Tera, Peta };
inline constexpr unsigned kBlockSizes = 6;

constexpr unsigned block_shift(BlockSize size) noexcept {
  constexpr unsigned kShifts[kBlockSizes] = {12, 16, 21, 30, 39, 48};
  return kShifts[static_cast<unsigned>(size)];
}
constexpr std::uint64_t block_bytes(BlockSize size) noexcept {
  return std::uint64_t{1} << block_shift(size);
}
constexpr BlockSize block_of_level(unsigned level) noexcept {
  return level == 0 ? BlockSize::Page : static_cast<BlockSize>(level + 1);
}

/// A leaf's permissions, A, D, G and memory type.
class LeafAttributes {
 public:
  constexpr LeafAttributes() = default;
  constexpr explicit LeafAttributes(std::uint64_t entry) noexcept
      : raw_(static_cast<std::uint16_t>((entry & 0xff) | field(entry, 62, 61) << 8)) {}
  static constexpr LeafAttributes from_raw(std::uint16_t raw) noexcept {
    LeafAttributes a;
    a.raw_ = raw;
    return a;
  }
  /// Of everything while a stage is off (Bare).
  static constexpr LeafAttributes bare() noexcept { return from_raw(0xff); }

  [[nodiscard]] constexpr bool read() const noexcept { return bit(raw_, 1); }
  [[nodiscard]] constexpr bool write() const noexcept { return bit(raw_, 2); }
  [[nodiscard]] constexpr bool execute() const noexcept { return bit(raw_, 3); }
  [[nodiscard]] constexpr bool user() const noexcept { return bit(raw_, 4); }
  [[nodiscard]] constexpr bool global() const noexcept { return bit(raw_, 5); }
  [[nodiscard]] constexpr bool accessed() const noexcept { return bit(raw_, 6); }
  [[nodiscard]] constexpr bool dirty() const noexcept { return bit(raw_, 7); }
  /// Svpbmt: 0 PMA, 1 NC, 2 IO.
  [[nodiscard]] constexpr unsigned memory_type() const noexcept { return raw_ >> 8; }
  [[nodiscard]] constexpr std::uint16_t raw() const noexcept { return raw_; }
  /// Under a global pointer to a table everything is global.
  constexpr void make_global() noexcept { raw_ |= 1U << 5; }

  friend bool operator==(LeafAttributes, LeafAttributes) = default;

 private:
  std::uint16_t raw_ = 0;  // bits 7:0 as in the entry, PBMT in bits 9:8
};

/// What a VS-stage leaf permits in a context. The manual's steps 5 to 9 of the walk, with Svade: A
/// clear permits nothing, D clear no store.
constexpr Permissions vs_permissions(LeafAttributes leaf, AccessContext context) noexcept {
  const bool data = leaf.accessed() && (context.user ? leaf.user() : !leaf.user() || context.sum);
  const bool fetch = leaf.accessed() && leaf.user() == context.user && leaf.execute();
  const bool mxr = context.mxr || context.hs_mxr;
  const bool load = context.hlvx ? leaf.execute() : leaf.read() || (mxr && leaf.execute());
  return {.load = data && load, .store = data && leaf.write() && leaf.dirty(), .fetch = fetch};
}

/// The same for a G-stage leaf, where all accesses are as if from U-mode.
constexpr Permissions g_permissions(LeafAttributes leaf, AccessContext context) noexcept {
  const bool usable = leaf.user() && leaf.accessed();
  const bool load =
      context.hlvx ? leaf.execute() : leaf.read() || (context.hs_mxr && leaf.execute());
  return {.load = usable && load,
          .store = usable && leaf.write() && leaf.dirty(),
          .fetch = usable && leaf.execute()};
}

/// An entry as the walk sees it at a level.
class PageTableEntry {
 public:
  constexpr explicit PageTableEntry(std::uint64_t raw) noexcept : raw_(raw) {}

  [[nodiscard]] constexpr std::uint64_t raw() const noexcept { return raw_; }
  /// V set, no reserved encoding and no reserved bit set, with or without Svpbmt.
  [[nodiscard]] constexpr bool is_valid(unsigned level, bool pbmt) const noexcept {
    if (!bit(raw_, 0) || field(raw_, 60, 54) != 0) return false;
    if (bit(raw_, 2) && !bit(raw_, 1)) return false;
    const std::uint64_t type = field(raw_, 62, 61);
    if (type == 3 || (type != 0 && !pbmt)) return false;
    if (is_leaf()) return !bit(raw_, 63) || (level == 0 && field(raw_, 13, 10) == 0b1000);
    // A pointer to a table: N, PBMT, D, A and U are reserved.
    return field(raw_, 63, 61) == 0 && field(raw_, 7, 6) == 0 && !bit(raw_, 4);
  }
  /// R or X.
  [[nodiscard]] constexpr bool is_leaf() const noexcept { return bit(raw_, 1) || bit(raw_, 3); }
  [[nodiscard]] constexpr bool is_global() const noexcept { return bit(raw_, 5); }
  [[nodiscard]] constexpr BlockSize block(unsigned level) const noexcept {
    return bit(raw_, 63) ? BlockSize::Napot : block_of_level(level);
  }
  /// Address of a table, or of a leaf of the given size.
  [[nodiscard]] constexpr std::uint64_t table() const noexcept {
    return field(raw_, 53, 10) << kPageBits;
  }
  [[nodiscard]] constexpr std::uint64_t output(BlockSize size) const noexcept {
    return size == BlockSize::Napot ? table() & ~(block_bytes(size) - 1) : table();
  }
  /// A leaf of level 1 or above that is not aligned to its size.
  [[nodiscard]] constexpr bool is_misaligned(unsigned level) const noexcept {
    return (table() & ((std::uint64_t{1} << level_shift(level)) - 1)) != 0;
  }
  [[nodiscard]] constexpr WalkStep::Kind kind(unsigned level, bool pbmt) const noexcept {
    if (!is_valid(level, pbmt)) return WalkStep::Kind::Invalid;
    return is_leaf() ? WalkStep::Kind::Leaf : WalkStep::Kind::Table;
  }

 private:
  std::uint64_t raw_;
};

}  // namespace axvm::sim::riscv64
