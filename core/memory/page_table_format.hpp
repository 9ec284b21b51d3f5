#pragma once
// What a page-table format has to say for itself, and the geometry that follows from it.

#include <axvm/address.hpp>
#include <axvm/mapping.hpp>
#include <concepts>
#include <cstddef>
#include <cstdint>

namespace axvm {

/// The shape of one table: lookups per walk, and bits of input address that it translates. Bits
/// beyond those of `levels` tables choose among concatenated root tables.
struct PageTableGeometry {
  unsigned levels = 0;
  unsigned input_bits = 0;

  friend constexpr bool operator==(const PageTableGeometry&, const PageTableGeometry&) = default;
};

/// Encodes and decodes the 64-bit entries of one architecture's tables. The `height` of a table
/// counts from the last level, whose height is 0 on every architecture. A word that is the address
/// of a frame, with any bits [11:8], must be an invalid entry.
///
/// Software wants to know how many entries of a table are valid. Where entries that point to tables
/// have room for that, they say it (CountsInEntries); else the numbers are beside the entries.
template <class F>
concept PageTableFormat = requires(std::uint64_t entry, unsigned height, unsigned n,
                                   HostPhysAddr hpa, MappingFlags flags) {
  { F::kGranuleShift } -> std::convertible_to<unsigned>;      ///< address bits of the smallest leaf
  { F::kIndexBits } -> std::convertible_to<unsigned>;         ///< address bits per level
  { F::kMinLevels } -> std::convertible_to<unsigned>;         ///< at least 2
  { F::kMaxLevels } -> std::convertible_to<unsigned>;         ///< the deepest table there is
  { F::kMaxInputBits } -> std::convertible_to<unsigned>;      ///< the widest input address
  { F::kMaxRootTables } -> std::convertible_to<std::size_t>;  ///< concatenated at the root
  { F::kMaxLeafHeight } -> std::convertible_to<unsigned>;     ///< the largest block
  { F::kOutputLimit } -> std::convertible_to<std::uint64_t>;  ///< entries hold addresses below
  { F::kInvalid } -> std::convertible_to<std::uint64_t>;      ///< an entry that maps nothing
  { F::is_valid(entry) } -> std::same_as<bool>;
  { F::is_leaf(entry, height) } -> std::same_as<bool>;
  /// Valid and no leaf.
  { F::is_table(entry, height) } -> std::same_as<bool>;
  /// Of any valid entry.
  { F::address(entry) } -> std::same_as<HostPhysAddr>;
  { F::flags(entry) } -> std::same_as<MappingFlags>;
  { F::leaf(hpa, flags, height) } -> std::same_as<std::uint64_t>;
  /// The bits of a leaf that are its address; the others are the same for each address.
  { F::kAddressBits } -> std::convertible_to<std::uint64_t>;
  { F::place(hpa) } -> std::same_as<std::uint64_t>;
  /// Points to a table of which `n` entries are valid; the number is for software only, if it is
  /// kept at all.
  { F::table(hpa, n) } -> std::same_as<std::uint64_t>;
  /// Whether one leaf may replace another of its size without an invalid entry in between.
  { F::may_replace(entry, entry) } -> std::same_as<bool>;
  /// A leaf made invalid, neither kInvalid nor without its address.
  { F::broken(entry) } -> std::same_as<std::uint64_t>;
};

template <class F>
concept CountsInEntries = requires(std::uint64_t entry, int change) {
  { F::live(entry) } -> std::same_as<unsigned>;
  /// The table entry of a table with `change` more valid entries than it had.
  { F::recounted(entry, change) } -> std::same_as<std::uint64_t>;
};

template <class F>
struct PageTableShape {
  static constexpr std::size_t kEntries = std::size_t{1} << F::kIndexBits;
  static constexpr std::size_t kTableSize = kEntries * sizeof(std::uint64_t);
  /// Of the smallest leaf.
  static constexpr std::uint64_t kGranule = 1ULL << F::kGranuleShift;
  static constexpr bool kCountsBeside = !CountsInEntries<F>;

  /// Frames that a table at `height` takes, as a power of two. Counts lie behind the entries: a
  /// word for each.
  [[nodiscard]] static constexpr unsigned order(unsigned height) noexcept {
    return F::kIndexBits + 3 - kPageShift + (kCountsBeside && height > 0 ? 1 : 0);
  }

  /// Bits of address below those that choose an entry of a table at `height`.
  [[nodiscard]] static constexpr unsigned entry_shift(unsigned height) noexcept {
    return F::kGranuleShift + height * F::kIndexBits;
  }
  /// Bytes that one entry of a table at `height` stands for.
  [[nodiscard]] static constexpr std::uint64_t entry_size(unsigned height) noexcept {
    return 1ULL << entry_shift(height);
  }
  [[nodiscard]] static constexpr std::size_t index(GuestPhysAddr gpa, unsigned height) noexcept {
    return (gpa.value >> entry_shift(height)) & (kEntries - 1);
  }
  /// The first address beyond those a table of this geometry translates.
  [[nodiscard]] static constexpr std::uint64_t reach(PageTableGeometry geometry) noexcept {
    return 1ULL << geometry.input_bits;
  }
  /// How many tables lie side by side at the root.
  [[nodiscard]] static constexpr std::size_t root_tables(PageTableGeometry geometry) noexcept {
    const unsigned bits = entry_shift(geometry.levels);
    return geometry.input_bits > bits ? std::size_t{1} << (geometry.input_bits - bits) : 1;
  }
  /// Neither too shallow nor too deep, and a root that is used and is not too large.
  [[nodiscard]] static constexpr bool is_valid(PageTableGeometry geometry) noexcept {
    return geometry.levels >= F::kMinLevels && geometry.levels <= F::kMaxLevels &&
           geometry.input_bits > entry_shift(geometry.levels - 1) &&
           geometry.input_bits <= F::kMaxInputBits && root_tables(geometry) <= F::kMaxRootTables;
  }
};

}  // namespace axvm
