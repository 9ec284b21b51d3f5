#pragma once
// A walk as text.

#include <explain/riscv64/walk.hpp>
#include <string>

namespace axvm::explain::riscv64 {

/// All of it. `full` gives each field of each entry a line of its own.
[[nodiscard]] std::string walk_text(const ExplainedWalk& walk, bool full);

}  // namespace axvm::explain::riscv64
