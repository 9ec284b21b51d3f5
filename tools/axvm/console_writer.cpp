#include <tools/axvm/console_writer.hpp>

namespace axvm::tool {

ConsoleWriter::ConsoleWriter(hal_sim::Host& host, Output& output, bool shares_output)
    : host_(host), lines_(output) {
  for (std::size_t i = 0; i < host.vm_count(); ++i) {
    const VmId id = host.vm(i).id();
    if (host.vm_count() > 1 || shares_output) {
      lines_.set_name(id.value, std::string(host.vm(i).name()));
    }
    host.console(id).show([this, id](char c) { lines_.write(id.value, c); });
  }
}

ConsoleWriter::~ConsoleWriter() {
  for (std::size_t i = 0; i < host_.vm_count(); ++i) host_.console(host_.vm(i).id()).show({});
}

}  // namespace axvm::tool
