#include <fmt/format.h>

#include <hal-sim/config/diagnostic.hpp>

namespace axvm::hal_sim {

std::string to_string(const Diagnostic& diagnostic) {
  std::string text = diagnostic.file;
  if (diagnostic.at.line != 0) {
    text += fmt::format(":{}:{}", diagnostic.at.line, diagnostic.at.column);
  }
  if (!text.empty()) text += ": ";
  if (!diagnostic.key.empty()) text += diagnostic.key + ": ";
  text += diagnostic.what;
  if (!diagnostic.expected.empty()) text += ", expected " + diagnostic.expected;
  return text;
}

}  // namespace axvm::hal_sim
