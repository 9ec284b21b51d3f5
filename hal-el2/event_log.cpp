#include <hal-el2/event_log.hpp>
#include <hal-el2/json_line.hpp>
#include <utility>
#include <variant>

namespace axvm::hal_el2 {
namespace {

std::string_view bus_name(Bus bus) {
  switch (bus) {
    case Bus::Mmio: return "Mmio";
    case Bus::SysReg: return "SysReg";
    case Bus::Port: return "Port";
  }
  return "";
}

std::string_view level_name(LogLevel level) {
  switch (level) {
    case LogLevel::Error: return "Error";
    case LogLevel::Warn: return "Warn";
    case LogLevel::Info: return "Info";
    case LogLevel::Debug: return "Debug";
  }
  return "";
}

struct Printer {
  const Uart& uart;

  void operator()(const TrapTaken& e) const {
    JsonLine(uart, "TrapTaken")
        .number("vm", e.vm.value)
        .number("vcpu", e.vcpu.value)
        .number("cause", e.cause)
        .hex("syndrome", e.syndrome)
        .hex("fault_address", e.fault_address)
        .hex("fault_gpa", e.fault_gpa)
        .hex("return_address", e.return_address)
        .hex("saved_state", e.saved_state)
        .hex_list("registers", e.registers);
  }
  void operator()(const DeviceAccess& e) const {
    JsonLine(uart, "DeviceAccess")
        .number("vm", e.vm.value)
        .number("vcpu", e.vcpu.value)
        .text("bus", bus_name(e.bus))
        .flag("is_write", e.is_write)
        .number("width", e.width)
        .hex("address", e.address)
        .hex("data", e.data)
        .text("device", e.device);
  }
  void operator()(const FirmwareCall& e) const {
    JsonLine(uart, "FirmwareCall")
        .number("vm", e.vm.value)
        .number("vcpu", e.vcpu.value)
        .text("name", e.name)
        .hex("function", e.function)
        .hex_list("arguments", e.arguments)
        .hex("result", e.result);
  }
  void operator()(const PageMapped& e) const {
    JsonLine(uart, "PageMapped")
        .number("vm", e.vm.value)
        .number("vcpu", e.vcpu.value)
        .hex("gpa", e.gpa.value)
        .hex("hpa", e.hpa.value)
        .hex("size", e.size);
  }
  void operator()(const ExceptionInjected& e) const {
    JsonLine(uart, "ExceptionInjected")
        .number("vm", e.vm.value)
        .number("vcpu", e.vcpu.value)
        .hex("syndrome", e.syndrome)
        .hex("fault_address", e.fault_address)
        .text("reason", e.reason);
  }
  void operator()(const StateChanged& e) const {
    JsonLine(uart, "StateChanged")
        .number("vm", e.vm.value)
        .number("vcpu", e.vcpu.value)
        .flag("of_vcpu", e.of_vcpu)
        .text("state", e.state);
  }
};

}  // namespace

// Not std::visit, which for alternatives of this size has a way to abort().
void EventLog::event(const Event& event) const {
  const Printer print{uart_};
  [&]<std::size_t... I>(std::index_sequence<I...>) {
    ((event.index() == I ? print(*std::get_if<I>(&event)) : void()), ...);
  }(std::make_index_sequence<std::variant_size_v<Event>>());
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
