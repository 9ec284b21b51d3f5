#pragma once
// Memory out of files, for walks without a machine.

#include <cstdint>
#include <expected>
#include <explain/typed_input.hpp>
#include <sim/memory/physical_memory.hpp>
#include <string>
#include <vector>

namespace axvm::tool {

struct DumpedMemory {
  /// Of a dump, without the rest of its frames, which is zero in `memory`.
  struct Extent {
    std::uint64_t begin = 0;
    std::uint64_t end = 0;
  };
  sim::PhysicalMemory memory;
  std::vector<Extent> extents;

  /// Whether a dump holds the 8 bytes at `pa`.
  [[nodiscard]] bool holds(std::uint64_t pa) const noexcept;
};

/// Reads all of them; where some overlap the last one counts. One line when a file cannot be read.
[[nodiscard]] std::expected<DumpedMemory, std::string> read_dumps(
    const std::vector<explain::MemoryDump>& dumps);

}  // namespace axvm::tool
