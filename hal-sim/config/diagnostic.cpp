#include <fmt/format.h>

#include <hal-sim/config/diagnostic.hpp>

namespace axvm::hal_sim {

namespace {

// Names and values come from the file: whatever they contain, a finding stays one line.
std::string printable(const std::string& text) {
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '\n') {
      out += "\\n";
    } else if (byte < 0x20 || byte == 0x7F) {
      out += fmt::format("\\x{:02x}", byte);
    } else {
      out += c;
    }
  }
  return out;
}

}  // namespace

std::string to_string(const Diagnostic& diagnostic) {
  std::string text = diagnostic.file;
  if (diagnostic.at.line != 0) {
    text += fmt::format(":{}:{}", diagnostic.at.line, diagnostic.at.column);
  }
  if (!text.empty()) text += ": ";
  if (!diagnostic.key.empty()) text += diagnostic.key + ": ";
  text += diagnostic.what;
  if (!diagnostic.expected.empty()) text += ", expected " + diagnostic.expected;
  return printable(text);
}

}  // namespace axvm::hal_sim
