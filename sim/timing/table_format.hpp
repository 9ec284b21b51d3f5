#pragma once
// What a page-table walker needs to know about a format: how tables are indexed, and what an entry
// says. Permissions, attributes and faults are the functional MMU's business.

#include <cstdint>
#include <string_view>

namespace axvm::sim::timing {

/// What an entry of a table means to a walker.
struct Descriptor {
  enum class Kind : std::uint8_t { Invalid, Table, Leaf };
  Kind kind = Kind::Invalid;
  std::uint64_t address = 0;  ///< of the next table, or the first byte that a leaf maps to
  bool global = false;        ///< a leaf of stage 1 that is the same in all address spaces of a VM
  /// A leaf that is one of 2^run_bits in a row, all with this address: the address of the first, to
  /// which so many bits of the input are added. What is remembered is of one.
  unsigned run_bits = 0;
};

/// The tables of one stage. The `height` of a table counts from the last level, whose height is 0.
struct TableFormat {
  std::string_view name;  ///< "vmsa-4k-48"
  unsigned page_shift;    ///< bits within a page, and within a table but for the root
  unsigned index_bits;    ///< bits of address that one table below the root translates
  unsigned levels;        ///< tables read for a page
  unsigned input_bits;    ///< of address; what the levels below leave is the root's
  unsigned max_leaf_height;
  Descriptor (*decode)(std::uint64_t entry, unsigned height) noexcept;

  /// Bits of address below those that choose an entry of a table at `height`.
  [[nodiscard]] constexpr unsigned entry_shift(unsigned height) const noexcept {
    return page_shift + height * index_bits;
  }
  /// The number of the entry for `address`, which is within input_bits, at `height`.
  [[nodiscard]] constexpr std::uint64_t index(std::uint64_t address,
                                              unsigned height) const noexcept {
    const std::uint64_t number = address >> entry_shift(height);
    return height + 1 == levels ? number : number & ((1ULL << index_bits) - 1);
  }
  /// Bytes of a table below the root.
  [[nodiscard]] constexpr std::uint64_t table_size() const noexcept {
    return std::uint64_t{8} << index_bits;
  }
  /// Bytes of the root, more than a page where several tables lie side by side.
  [[nodiscard]] constexpr std::uint64_t root_size() const noexcept {
    return std::uint64_t{8} << (input_bits - entry_shift(levels - 1));
  }
};

}  // namespace axvm::sim::timing
