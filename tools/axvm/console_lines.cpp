#include <tools/axvm/console_lines.hpp>

namespace axvm::tool {

void ConsoleLines::write(std::uint32_t vm, char c) {
  const auto line = lines_.find(vm);
  if (line == lines_.end()) return put(c);
  line->second.text += c;
  if (c == '\n') flush(line->second);
}

void ConsoleLines::put(char c) {
  output_.write(std::string_view(&c, 1));
  if (c == '\n') output_.flush();
  last_ = c;
}

void ConsoleLines::flush(Line& line) {
  for (const char c : line.name + "| " + line.text) put(c);
  line.text.clear();
}

void ConsoleLines::finish() {
  for (auto& [vm, line] : lines_) {
    if (!line.text.empty()) flush(line);
  }
  if (last_ != '\n') put('\n');
  output_.flush();
}

}  // namespace axvm::tool
