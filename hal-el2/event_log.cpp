#include <axvm/event_fields.hpp>
#include <hal-el2/event_log.hpp>
#include <hal-el2/json_line.hpp>

namespace axvm::hal_el2 {
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

void EventLog::fault(const exit_reason::GuestFault& fault) {
  const Holding held(lock_);
  JsonLine(uart_, "error")
      .text("operation", "run_vcpu")
      .text("detail", fault.what)
      .hex("address", fault.address.value)
      .hex("syndrome", fault.syndrome);
}

void EventLog::console(std::uint8_t byte) {
  const Holding held(lock_);
  line_[length_++] = static_cast<char>(byte);
  if (byte == '\n' || length_ == line_.size()) send_console();
}

void EventLog::flush_console() {
  const Holding held(lock_);
  send_console();
}

void EventLog::close() {
  lock_.lock();
  send_console();
}

void EventLog::send_console() {
  if (length_ == 0) return;
  JsonLine(uart_, "console").text("text", {line_.data(), length_});
  length_ = 0;
}

}  // namespace axvm::hal_el2
