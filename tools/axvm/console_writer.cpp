#include <string_view>
#include <tools/axvm/console_writer.hpp>

namespace axvm::tool {

ConsoleWriter::ConsoleWriter(hal_sim::Host& host, Output& output, bool shares_output)
    : host_(host), output_(output) {
  for (std::size_t i = 0; i < host.vm_count(); ++i) {
    const VmId id = host.vm(i).id();
    if (host.vm_count() == 1 && !shares_output) {
      host.console(id).show([this](char c) { put(c); });
    } else {
      lines_[id.value] = {};
      host.console(id).show([this, id](char c) {
        lines_[id.value] += c;
        if (c == '\n') flush_line(id.value);
      });
    }
  }
}

ConsoleWriter::~ConsoleWriter() {
  for (std::size_t i = 0; i < host_.vm_count(); ++i) host_.console(host_.vm(i).id()).show({});
}

void ConsoleWriter::put(char c) {
  output_.write(std::string_view(&c, 1));
  if (c == '\n') output_.flush();
  last_ = c;
}

void ConsoleWriter::flush_line(std::uint32_t vm) {
  for (std::size_t i = 0; i < host_.vm_count(); ++i) {
    if (host_.vm(i).id().value != vm) continue;
    for (const char c : host_.vm(i).name()) put(c);
  }
  put('|');
  put(' ');
  for (const char c : lines_[vm]) put(c);
  lines_[vm].clear();
}

void ConsoleWriter::finish() {
  for (const auto& [vm, line] : lines_) {
    if (!line.empty()) flush_line(vm);
  }
  if (last_ != '\n') put('\n');
  output_.flush();
}

}  // namespace axvm::tool
