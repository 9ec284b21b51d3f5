#pragma once
// A walk as text.

#include <explain/aarch64/walk.hpp>
#include <string>

namespace axvm::explain::aarch64 {

/// All of it. `full` gives each field of each descriptor a line of its own.
[[nodiscard]] std::string walk_text(const ExplainedWalk& walk, bool full);

}  // namespace axvm::explain::aarch64
