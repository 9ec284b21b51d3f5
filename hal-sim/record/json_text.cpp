#include <fmt/format.h>

#include <charconv>
#include <hal-sim/record/json_text.hpp>
#include <system_error>

namespace axvm::hal_sim {

std::string as_json(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    if (static_cast<unsigned char>(c) < 0x20) {
      out += fmt::format("\\u{:04x}", static_cast<unsigned>(c));
    } else {
      out += c;
    }
  }
  return out + '"';
}

bool skip(std::string_view& text, std::string_view expected) {
  if (!text.starts_with(expected)) return false;
  text.remove_prefix(expected.size());
  return true;
}

std::optional<std::string> take_string(std::string_view& text) {
  if (!skip(text, "\"")) return std::nullopt;
  std::string value;
  while (!text.empty() && text.front() != '"') {
    unsigned code = 0;
    if (skip(text, "\\u")) {
      const std::string_view digits = text.substr(0, 4);
      const auto [end, error] =
          std::from_chars(digits.data(), digits.data() + digits.size(), code, 16);
      if (error != std::errc{} || end != digits.data() + 4 || code >= 0x20) return std::nullopt;
      value += static_cast<char>(code);
      text.remove_prefix(4);
      continue;
    }
    if (skip(text, "\\") && text.empty()) return std::nullopt;
    value += text.front();
    text.remove_prefix(1);
  }
  if (!skip(text, "\"")) return std::nullopt;
  return value;
}

}  // namespace axvm::hal_sim
