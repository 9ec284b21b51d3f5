#pragma once
// What a page-table format has to say for itself, and the geometry that follows from it.

#include <axvm/address.hpp>
#include <axvm/mapping.hpp>
#include <concepts>
#include <cstddef>
#include <cstdint>

namespace axvm {

/// The shape of one table: lookups per walk, and bits of input address that it translates.
struct PageTableGeometry {
  unsigned levels = 0;
  unsigned input_bits = 0;

  friend constexpr bool operator==(const PageTableGeometry&, const PageTableGeometry&) = default;
};

/// Encodes and decodes the 64-bit entries of one architecture's tables. The `height` of a table
/// counts from the last level, whose height is 0 on every architecture.
template <class F>
concept PageTableFormat =
    requires(std::uint64_t entry, unsigned height, HostPhysAddr hpa, MappingFlags flags) {
      { F::kIndexBits } -> std::convertible_to<unsigned>;         ///< address bits per level
      { F::kMaxLevels } -> std::convertible_to<unsigned>;         ///< the deepest table there is
      { F::kMaxLeafHeight } -> std::convertible_to<unsigned>;     ///< the largest block
      { F::kOutputLimit } -> std::convertible_to<std::uint64_t>;  ///< entries hold addresses below
      { F::kInvalid } -> std::convertible_to<std::uint64_t>;      ///< an entry that maps nothing
      { F::is_valid(entry) } -> std::same_as<bool>;
      { F::is_leaf(entry, height) } -> std::same_as<bool>;
      { F::address(entry) } -> std::same_as<HostPhysAddr>;
      { F::flags(entry) } -> std::same_as<MappingFlags>;
      { F::table(hpa) } -> std::same_as<std::uint64_t>;
      { F::leaf(hpa, flags, height) } -> std::same_as<std::uint64_t>;
    };

template <class F>
struct PageTableShape {
  static constexpr std::size_t kEntries = std::size_t{1} << F::kIndexBits;
  static constexpr std::size_t kTableSize = kEntries * sizeof(std::uint64_t);

  /// Bytes that one entry of a table at `height` stands for.
  [[nodiscard]] static constexpr std::uint64_t entry_size(unsigned height) noexcept {
    return 1ULL << (kPageShift + height * F::kIndexBits);
  }
  [[nodiscard]] static constexpr std::size_t index(GuestPhysAddr gpa, unsigned height) noexcept {
    return (gpa.value / entry_size(height)) & (kEntries - 1);
  }
  /// The first address beyond those a table of this geometry translates.
  [[nodiscard]] static constexpr std::uint64_t reach(PageTableGeometry geometry) noexcept {
    return 1ULL << geometry.input_bits;
  }
};

}  // namespace axvm
