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

void EventLog::event(const Event& event, bool host) const {
  JsonLine line(uart_);
  write_fields(event, line);
  if (host) line.flag("host", true);
}

void EventLog::log(LogLevel level, std::string_view text) const {
  JsonLine(uart_, "log").text("level", level_name(level)).text("text", text);
}

void EventLog::console(std::uint8_t byte) {
  line_[length_++] = static_cast<char>(byte);
  if (byte == '\n' || length_ == line_.size()) flush_console();
}

void EventLog::flush_console() {
  if (length_ == 0) return;
  JsonLine(uart_, "console").text("text", {line_.data(), length_});
  length_ = 0;
}

}  // namespace axvm::hal_el2
