#pragma once
// ELF executables. Format: System V gABI chapters 4 and 5; AArch64: IHI 0056; RISC-V: RISC-V ELF
// psABI 8.

#include <cstdint>
#include <expected>
#include <hal-sim/isa.hpp>
#include <hal-sim/load/bytes.hpp>
#include <string>
#include <vector>

namespace axvm::hal_sim {

/// One PT_LOAD entry that takes memory. The first `file_size` bytes come from the file, the rest is
/// zero.
struct ElfSegment {
  std::uint64_t address = 0;  ///< physical (p_paddr)
  std::uint64_t offset = 0;   ///< in the file
  std::uint64_t file_size = 0;
  std::uint64_t memory_size = 0;  ///< at least file_size, not 0

  [[nodiscard]] std::uint64_t end() const noexcept { return address + memory_size; }
  friend bool operator==(const ElfSegment&, const ElfSegment&) = default;
};

struct ElfProgram {
  std::uint64_t entry = 0;            ///< e_entry as a physical address
  bool position_independent = false;  ///< ET_DYN: may be moved as a whole
  std::vector<ElfSegment> segments;   ///< sorted by address, disjoint, at least one

  [[nodiscard]] std::uint64_t base() const noexcept { return segments.front().address; }
};

/// True when `bytes` begin like an ELF file, of whatever kind.
[[nodiscard]] bool is_elf(ByteView bytes) noexcept;

/// The program in a little-endian 64-bit ELF file for `isa`: ET_EXEC, or ET_DYN that needs no
/// relocations and no interpreter. All ranges lie in the file and below 2^64. The error is one
/// line: what is wrong, where, and what was expected.
[[nodiscard]] std::expected<ElfProgram, std::string> parse_elf(ByteView bytes, Isa isa);

}  // namespace axvm::hal_sim
