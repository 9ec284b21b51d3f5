#pragma once
// What a guest finds at its physical addresses, as a table.

#include <hal-sim/config/machine_config.hpp>
#include <string>
#include <vector>

namespace axvm::tool {

/// A heading and a line per range of guest-physical addresses, in ascending order; `isa` and `ram`
/// are the machine's.
[[nodiscard]] std::string memory_map_text(const hal_sim::VmFile& vm, hal_sim::Isa isa,
                                          const std::vector<hal_sim::MemoryBank>& ram);

}  // namespace axvm::tool
