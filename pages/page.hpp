#pragma once
// Pages that are one file: pieces that the build has made (pages/embed.cmake), with gaps.

#include <span>
#include <string>
#include <string_view>

namespace axvm::pages {

/// What is put in the place of the piece `name`, such as "@TITLE@".
struct Gap {
  std::string_view name;
  std::string content;
};

/// Text as HTML shows it.
[[nodiscard]] std::string as_html(std::string text);
/// JSON for a script element: there only "<" could mean anything but JSON, which has it in strings
/// only.
[[nodiscard]] std::string as_script(std::string json);

/// The pieces one behind the other, with the gaps filled.
[[nodiscard]] std::string filled(std::span<const std::string_view> pieces,
                                 std::span<const Gap> gaps);

}  // namespace axvm::pages
