#pragma once
// Entries of page tables of Sv39, Sv48 and Sv57, and of the G-stage's Sv39x4, Sv48x4 and Sv57x4.

#include <cstdint>
#include <explain/field.hpp>

namespace axvm::explain::riscv64 {

/// Where an entry was read.
struct EntryPlace {
  bool g_stage = false;
  unsigned level = 0;  ///< 0 to 4; 0 has the pages

  /// log2 of the bytes that one entry maps.
  [[nodiscard]] constexpr unsigned shift() const noexcept { return 12 + 9 * level; }
};

enum class EntryKind : std::uint8_t { Invalid, Table, Leaf };

/// What the entry is, with Svnapot and Svpbmt: V clear, reserved encodings and reserved bits are
/// Invalid, as is a pointer at level 0. Misaligned leaves are leaves, which no access is let
/// through.
[[nodiscard]] EntryKind entry_kind(EntryPlace place, std::uint64_t word) noexcept;

/// Its fields.
[[nodiscard]] const Layout& entry_layout(EntryPlace place, std::uint64_t word);

/// The address in a valid entry: of the next table, or of the first byte mapped.
[[nodiscard]] std::uint64_t entry_address(EntryPlace place, std::uint64_t word) noexcept;

/// log2 of the bytes that a leaf maps: 16 for a page of a naturally aligned run (Svnapot).
[[nodiscard]] unsigned leaf_shift(EntryPlace place, std::uint64_t word) noexcept;

/// "page", "megapage", …: a leaf at a level.
[[nodiscard]] std::string_view leaf_name(unsigned level);

}  // namespace axvm::explain::riscv64
