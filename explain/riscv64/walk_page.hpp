#pragma once
// A walk as a page to step through, which needs no other file.

#include <explain/riscv64/walk.hpp>
#include <sim/memory/physical_memory.hpp>
#include <string>

namespace axvm::explain::riscv64 {

/// The page. `memory` holds the tables: each one that was read is shown with all of its entries.
[[nodiscard]] std::string walk_page(const ExplainedWalk& walk, const std::string& title,
                                    const sim::PhysicalMemory& memory);

}  // namespace axvm::explain::riscv64
