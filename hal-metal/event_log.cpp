#include <axvm/event_fields.hpp>
#include <hal-metal/event_log.hpp>
#include <hal-metal/json_line.hpp>

namespace axvm::hal_metal {
namespace {

std::string_view level_name(LogLevel level) {
  switch (level) {
    case LogLevel::Error: return "Error";
    case LogLevel::Warn: return "Warn";
    case LogLevel::Info: return "Info";
    case LogLevel::Debug: return "Debug";
  }
  return "";
}

}  // namespace

void EventLog::event(const Event& event, bool host) {
  const Holding held(lock_);
  JsonLine line(uart_);
  write_fields(event, line);
  if (host) line.flag("host", true);
}

void EventLog::log(LogLevel level, std::string_view text) {
  const Holding held(lock_);
  JsonLine(uart_, "log").text("level", level_name(level)).text("text", text);
}

void EventLog::fault(VmId vm, VcpuId vcpu, const exit_reason::GuestFault& fault) {
  const Holding held(lock_);
  JsonLine(uart_, "error")
      .number("vm", vm.value)
      .number("vcpu", vcpu.value)
      .text("operation", "run_vcpu")
      .text("detail", fault.what)
      .hex("address", fault.address.value)
      .hex("syndrome", fault.syndrome);
}

bool EventLog::console(std::size_t vm, std::uint8_t byte) {
  const Holding held(lock_);
  Line& line = lines_[vm];
  line.text[line.length++] = static_cast<char>(byte);
  if (byte == '\n' || line.length == line.text.size()) send_console(vm);
  return line.length == 1;
}

bool EventLog::has_begun_lines() {
  const Holding held(lock_);
  for (const Line& line : lines_) {
    if (line.length != 0) return true;
  }
  return false;
}

void EventLog::flush_consoles() {
  const Holding held(lock_);
  send_consoles();
}

void EventLog::close() {
  lock_.lock();
  send_consoles();
}

void EventLog::send_consoles() {
  for (std::size_t vm = 0; vm < kGuests.size(); ++vm) send_console(vm);
}

void EventLog::send_console(std::size_t vm) {
  Line& line = lines_[vm];
  if (line.length == 0) return;
  JsonLine(uart_, "console")
      .number("vm", kGuests[vm].config.id)
      .text("text", {line.text.data(), line.length});
  line.length = 0;
}

}  // namespace axvm::hal_metal
