#pragma once
// Page table entries of 32-bit paging, PAE and long mode; the nested tables are long mode's (APM
// Vol. 2 5.2, 5.3, 5.4, 15.25.3).

#include <cstdint>
#include <sim/arch/x86_64/translation.hpp>
#include <sim/bits.hpp>

namespace axvm::sim::x86_64 {

inline constexpr unsigned kPageBits = 12;
inline constexpr unsigned kMaxLevels = 5;

enum class PagingMode : std::uint8_t { None, Legacy32, Pae, Long4, Long5 };

constexpr bool is_long(PagingMode mode) noexcept { return mode >= PagingMode::Long4; }
constexpr unsigned levels_of(PagingMode mode) noexcept {
  constexpr unsigned kLevels[] = {0, 2, 3, 4, 5};
  return kLevels[static_cast<unsigned>(mode)];
}
/// Bytes of an entry.
constexpr unsigned entry_bytes(PagingMode mode) noexcept {
  return mode == PagingMode::Legacy32 ? 4 : 8;
}
/// log2 of the bytes that one entry of `level` maps; level 0 has the pages.
constexpr unsigned level_shift(PagingMode mode, unsigned level) noexcept {
  return kPageBits + level * (mode == PagingMode::Legacy32 ? 10 : 9);
}
/// Bits of the address that choose an entry of `level`: PAE's root has four entries.
constexpr unsigned index_bits(PagingMode mode, unsigned level) noexcept {
  if (mode == PagingMode::Pae && level == 2) return 2;
  return mode == PagingMode::Legacy32 ? 10 : 9;
}
/// Width of the addresses translated.
constexpr unsigned input_bits(PagingMode mode) noexcept {
  return mode == PagingMode::Long5 ? 57 : mode == PagingMode::Long4 ? 48 : 32;
}

/// Sizes of pages, ascending; the last one where a stage translates nothing.
enum class BlockSize : std::uint8_t { Page, TwoMega, FourMega, Giga, All };
inline constexpr unsigned kBlockSizes = 5;

constexpr unsigned block_shift(BlockSize size) noexcept {
  constexpr unsigned kShifts[kBlockSizes] = {12, 21, 22, 30, 52};
  return kShifts[static_cast<unsigned>(size)];
}
constexpr std::uint64_t block_bytes(BlockSize size) noexcept {
  return std::uint64_t{1} << block_shift(size);
}
/// Of a leaf of level 0, 1 or 2.
constexpr BlockSize block_of(PagingMode mode, unsigned level) noexcept {
  if (level == 0) return BlockSize::Page;
  if (level == 2) return BlockSize::Giga;
  return mode == PagingMode::Legacy32 ? BlockSize::FourMega : BlockSize::TwoMega;
}
static_assert(block_shift(BlockSize::FourMega) == level_shift(PagingMode::Legacy32, 1));
static_assert(block_shift(BlockSize::TwoMega) == level_shift(PagingMode::Pae, 1));
static_assert(level_shift(PagingMode::Long5, 4) + 9 == input_bits(PagingMode::Long5));

/// What the entries of one walk permit together, and G and D of its leaf.
class PageAttributes {
 public:
  constexpr PageAttributes() = default;
  static constexpr PageAttributes from_raw(std::uint8_t raw) noexcept {
    PageAttributes a;
    a.raw_ = raw;
    return a;
  }
  /// Of everything where a stage translates nothing, and of what no entry has restricted yet.
  static constexpr PageAttributes all() noexcept { return from_raw(kWrite | kUser | kDirty); }

  /// R/W and U/S count if they are set in all levels, NX in any.
  constexpr void restrict(std::uint64_t entry) noexcept {
    if (!bit(entry, 1)) raw_ &= static_cast<std::uint8_t>(~kWrite);
    if (!bit(entry, 2)) raw_ &= static_cast<std::uint8_t>(~kUser);
    if (bit(entry, 63)) raw_ |= kNoExecute;
  }
  constexpr void set_global() noexcept { raw_ |= kGlobal; }
  constexpr void set_dirty(bool dirty) noexcept {
    raw_ = static_cast<std::uint8_t>((raw_ & ~kDirty) | (dirty ? kDirty : 0));
  }

  [[nodiscard]] constexpr bool write() const noexcept { return (raw_ & kWrite) != 0; }
  [[nodiscard]] constexpr bool user() const noexcept { return (raw_ & kUser) != 0; }
  [[nodiscard]] constexpr bool no_execute() const noexcept { return (raw_ & kNoExecute) != 0; }
  [[nodiscard]] constexpr bool global() const noexcept { return (raw_ & kGlobal) != 0; }
  [[nodiscard]] constexpr bool dirty() const noexcept { return (raw_ & kDirty) != 0; }
  [[nodiscard]] constexpr std::uint8_t raw() const noexcept { return raw_; }

  friend bool operator==(PageAttributes, PageAttributes) = default;

 private:
  static constexpr std::uint8_t kWrite = 1;
  static constexpr std::uint8_t kUser = 2;
  static constexpr std::uint8_t kNoExecute = 4;
  static constexpr std::uint8_t kGlobal = 8;
  static constexpr std::uint8_t kDirty = 16;
  std::uint8_t raw_ = 0;
};

/// How entries are read: by mode, and by what is enabled in it.
struct EntryFormat {
  PagingMode mode = PagingMode::None;
  /// CR4.PSE; counts in 32-bit paging only.
  bool pse = false;
  /// EFER.NXE; bit 63 is reserved without it.
  bool nxe = false;
  std::uint8_t pa_bits = 52;

  friend bool operator==(const EntryFormat&, const EntryFormat&) = default;
};

/// An entry as the walk sees it at a level.
class PageTableEntry {
 public:
  static constexpr std::uint64_t kAccessed = 1ULL << 5;
  static constexpr std::uint64_t kDirty = 1ULL << 6;

  constexpr PageTableEntry(std::uint64_t raw, const EntryFormat& format, unsigned level) noexcept
      : raw_(raw), format_(format), level_(level) {}

  [[nodiscard]] constexpr bool is_present() const noexcept { return bit(raw_, 0); }
  /// PS, where it exists.
  [[nodiscard]] constexpr bool is_leaf() const noexcept {
    if (level_ == 0) return true;
    if (!bit(raw_, 7)) return false;
    switch (format_.mode) {
      case PagingMode::Legacy32: return format_.pse;
      case PagingMode::Pae: return level_ == 1;
      default: return level_ <= 2;
    }
  }
  /// PAE's root has neither permissions nor A.
  [[nodiscard]] constexpr bool is_of_pae_root() const noexcept {
    return format_.mode == PagingMode::Pae && level_ == 2;
  }
  [[nodiscard]] constexpr bool is_global() const noexcept { return bit(raw_, 8); }
  [[nodiscard]] constexpr bool is_dirty() const noexcept { return (raw_ & kDirty) != 0; }
  [[nodiscard]] constexpr bool has_reserved_bits() const noexcept {
    return (raw_ & reserved()) != 0;
  }
  /// Address of a table, or of a leaf.
  [[nodiscard]] constexpr std::uint64_t address() const noexcept {
    if (!is_leaf() || level_ == 0) return raw_ & kAddress;
    // Bits 39:32 of a page of 4 MiB are in bits 20:13 (5.2.2).
    if (format_.mode == PagingMode::Legacy32) {
      return (raw_ & 0xffc0'0000) | field(raw_, 20, 13) << 32;
    }
    return raw_ & kAddress & ~(block_bytes(block_of(format_.mode, level_)) - 1);
  }
  [[nodiscard]] constexpr WalkStep::Kind kind() const noexcept {
    if (!is_present() || has_reserved_bits()) return WalkStep::Kind::Invalid;
    return is_leaf() ? WalkStep::Kind::Leaf : WalkStep::Kind::Table;
  }

 private:
  static constexpr std::uint64_t kAddress = 0x000f'ffff'ffff'f000;

  /// word<high:low>, as a mask; nothing when high < low.
  static constexpr std::uint64_t bits(unsigned high, unsigned low) noexcept {
    return high < low ? 0 : field(~std::uint64_t{0}, high, low) << low;
  }
  [[nodiscard]] constexpr std::uint64_t reserved() const noexcept {
    const bool large = level_ > 0 && is_leaf();
    if (format_.mode == PagingMode::Legacy32) {
      const unsigned width = format_.pa_bits < 40 ? format_.pa_bits : 40;
      return large ? bits(21, 13 + width - 32) : 0;
    }
    std::uint64_t mask = bits(51, format_.pa_bits);
    if (!format_.nxe) mask |= bits(63, 63);
    if (format_.mode == PagingMode::Pae) mask |= bits(62, 52);
    if (is_of_pae_root()) return mask | bits(63, 63) | bits(8, 5) | bits(2, 1);
    // Levels that have no pages: neither PS nor G.
    if (level_ > 2) return mask | bits(8, 7);
    // Bit 12 of a large page is PAT.
    return large ? mask | bits(level_shift(format_.mode, level_) - 1, 13) : mask;
  }

  std::uint64_t raw_;
  EntryFormat format_;
  unsigned level_;
};

}  // namespace axvm::sim::x86_64
