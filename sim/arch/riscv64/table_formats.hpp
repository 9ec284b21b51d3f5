#pragma once
// RISC-V tables as a walker sees them (Privileged Architecture, "Supervisor-Level ISA", Sv39 to
// Sv57, and "Hypervisor Extension", Sv39x4 to Sv57x4, whose roots are four times as large).

#include <array>
#include <sim/timing/table_format.hpp>

namespace axvm::sim::riscv64 {

/// Bit 0 is V, bits 1 to 3 are R, W and X: none of them in a pointer to a table, W only with R.
/// Bit 5 is G, which is looked at in leaves alone. Bits [53:10] are the page number; of pages of a
/// naturally aligned run of 16 (Svnapot, bit 63) the lowest four bits are 1000, and the run's
/// number is without them. Bits [62:61] are the memory type (Svpbmt), [60:54] are reserved.
constexpr timing::Descriptor decode_table(std::uint64_t entry, unsigned height) noexcept {
  using Kind = timing::Descriptor::Kind;
  constexpr std::uint64_t kValid = 1ULL << 0;
  constexpr std::uint64_t kRead = 1ULL << 1;
  constexpr std::uint64_t kWrite = 1ULL << 2;
  constexpr std::uint64_t kExecute = 1ULL << 3;
  constexpr std::uint64_t kGlobal = 1ULL << 5;
  constexpr std::uint64_t kNotOfPointers = 1ULL << 4 | 3ULL << 6 | 7ULL << 61;
  constexpr std::uint64_t kReserved = 0x7fULL << 54;
  constexpr std::uint64_t kRun = 1ULL << 63;
  constexpr unsigned kRunBits = 4;
  if ((entry & kValid) == 0 || (entry & kReserved) != 0) return {};
  if ((entry & (kRead | kWrite)) == kWrite) return {};
  const std::uint64_t address = (entry >> 10 & ((1ULL << 44) - 1)) << 12;
  const bool global = (entry & kGlobal) != 0;
  if ((entry & (kRead | kExecute)) == 0) {
    const bool valid = height != 0 && (entry & kNotOfPointers) == 0;
    return valid ? timing::Descriptor{Kind::Table, address} : timing::Descriptor{};
  }
  if ((entry >> 61 & 3) == 3) return {};
  if ((entry & kRun) != 0) {
    if (height != 0 || (address >> 12 & 15) != 8) return {};
    return {Kind::Leaf, address - (8ULL << 12), global, kRunBits};
  }
  // A misaligned superpage is a fault.
  const std::uint64_t within = (1ULL << (12 + 9 * height)) - 1;
  return (address & within) != 0 ? timing::Descriptor{}
                                 : timing::Descriptor{Kind::Leaf, address, global};
}

inline constexpr std::array kTableFormats{
    timing::TableFormat{"sv39", 12, 9, 3, 39, 2, decode_table},
    timing::TableFormat{"sv48", 12, 9, 4, 48, 3, decode_table},
    timing::TableFormat{"sv57", 12, 9, 5, 57, 4, decode_table},
    timing::TableFormat{"sv39x4", 12, 9, 3, 41, 2, decode_table},
    timing::TableFormat{"sv48x4", 12, 9, 4, 50, 3, decode_table},
    timing::TableFormat{"sv57x4", 12, 9, 5, 59, 4, decode_table},
};

}  // namespace axvm::sim::riscv64
