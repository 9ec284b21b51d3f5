#include <algorithm>
#include <pages/page.hpp>
#include <utility>

namespace axvm::pages {
namespace {

std::string replaced(std::string text, std::string_view what, std::string_view by) {
  for (std::size_t at = 0; (at = text.find(what, at)) != std::string::npos; at += by.size()) {
    text.replace(at, what.size(), by);
  }
  return text;
}

}  // namespace

std::string as_html(std::string text) {
  text = replaced(std::move(text), "&", "&amp;");
  text = replaced(std::move(text), "<", "&lt;");
  return replaced(std::move(text), ">", "&gt;");
}

std::string as_script(std::string json) { return replaced(std::move(json), "<", "\\u003c"); }

std::string filled(std::span<const std::string_view> pieces, std::span<const Gap> gaps) {
  std::string text;
  for (const std::string_view piece : pieces) {
    const auto gap = std::ranges::find(gaps, piece, &Gap::name);
    text += gap == gaps.end() ? piece : std::string_view(gap->content);
  }
  return text;
}

}  // namespace axvm::pages
