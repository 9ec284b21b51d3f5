#pragma once
// "Did you mean …?"

#include <span>
#include <string_view>

namespace axvm::hal_sim {

/// The candidate that differs from `name` by the fewest single-character edits (insert, delete,
/// replace, swap of neighbours), or an empty view when even that one differs by more than a third
/// of its length. The first of equals wins.
[[nodiscard]] std::string_view nearest_name(std::string_view name,
                                            std::span<const std::string_view> candidates);

}  // namespace axvm::hal_sim
