#pragma once
// Strings of JSON, as we write them and read them back.

#include <optional>
#include <string>
#include <string_view>

namespace axvm::hal_sim {

/// In quotes, with what has to be escaped.
[[nodiscard]] std::string as_json(std::string_view text);
/// Takes `expected` off the front of `text`; false, and nothing taken, when it is not there.
bool skip(std::string_view& text, std::string_view expected);
/// Takes a string off the front that as_json() could have written; nothing when there is none.
[[nodiscard]] std::optional<std::string> take_string(std::string_view& text);

}  // namespace axvm::hal_sim
