#pragma once
// The page of explain/page/, as the build has put it together.

#include <span>
#include <string_view>

namespace axvm::explain {

/// One behind the other they are the page. "@TITLE@" and "@WALK@" stand for what a walk fills in.
[[nodiscard]] std::span<const std::string_view> page_pieces();

}  // namespace axvm::explain
