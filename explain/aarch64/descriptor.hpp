#pragma once
// Descriptors of VMSAv8-64 translation tables, of any granule.

#include <cstdint>
#include <explain/field.hpp>

namespace axvm::explain::aarch64 {

/// Where a descriptor was read; decides, with its low bits, what it is.
struct DescriptorPlace {
  unsigned stage = 1;          ///< 1 or 2
  unsigned level = 3;          ///< 0 to 3
  unsigned granule_bits = 12;  ///< 12, 14 or 16

  /// log2 of the bytes that one descriptor maps.
  [[nodiscard]] constexpr unsigned shift() const noexcept {
    return granule_bits + (3 - level) * (granule_bits - 3);
  }
};

enum class DescriptorKind : std::uint8_t { Invalid, Table, Block, Page };

[[nodiscard]] DescriptorKind descriptor_kind(DescriptorPlace place, std::uint64_t word) noexcept;

/// Its fields. Of 48 bits of address: what FEAT_LPA and FEAT_LPA2 have put elsewhere is said to be
/// reserved. Stage-2 memory types are those without HCR_EL2.FWB.
[[nodiscard]] const Layout& descriptor_layout(DescriptorPlace place, std::uint64_t word);

/// Bits of the address in a valid descriptor: of the next table, or of the first byte mapped.
[[nodiscard]] std::uint64_t descriptor_address(DescriptorPlace place, std::uint64_t word) noexcept;

}  // namespace axvm::explain::aarch64
