#pragma once
// axvm explain walk, of registers and memory that have been typed in.

#include <sim/timing/profile.hpp>
#include <tools/axvm/explain_options.hpp>
#include <tools/axvm/output.hpp>

namespace axvm::tool {

/// Explains the walk, whose reads cost what `memory` says (null: the same each). The exit status.
[[nodiscard]] int explain_typed_walk(const ExplainWalkOptions& options,
                                     const sim::timing::HierarchyProfile* memory, Output& output);

}  // namespace axvm::tool
