#pragma once
// The page of lab/report/, as the build has put it together.

#include <span>
#include <string_view>

namespace axvm::lab {

/// One behind the other they are the page. "@TITLE@", "@ABOUT@" and "@EXPERIMENT@" stand for what
/// an experiment fills in.
[[nodiscard]] std::span<const std::string_view> page_pieces();

}  // namespace axvm::lab
