#include <fmt/format.h>

#include <hal-sim/trace/json_sink.hpp>
#include <iterator>

namespace axvm::hal_sim {
namespace {

// Writes the members of one object in order. Events are small and many: no tree is built.
class ObjectWriter {
 public:
  explicit ObjectWriter(std::string& out) : out_(out) { out_ += '{'; }

  void text(std::string_view name, std::string_view value) {
    key(name);
    string(value);
  }
  void hex(std::string_view name, std::uint64_t value) {
    key(name);
    fmt::format_to(std::back_inserter(out_), "\"{:#x}\"", value);
  }
  void number(std::string_view name, std::uint64_t value) {
    key(name);
    fmt::format_to(std::back_inserter(out_), "{}", value);
  }
  void boolean(std::string_view name, bool value) {
    key(name);
    out_ += value ? "true" : "false";
  }
  template <class Range>
  void hex_list(std::string_view name, const Range& values) {
    key(name);
    out_ += '[';
    bool first = true;
    for (const std::uint64_t value : values) {
      fmt::format_to(std::back_inserter(out_), "{}\"{:#x}\"", first ? "" : ",", value);
      first = false;
    }
    out_ += ']';
  }
  void end() { out_ += '}'; }

 private:
  void key(std::string_view name) {
    if (out_.back() != '{') out_ += ',';
    fmt::format_to(std::back_inserter(out_), "\"{}\":", name);
  }
  void string(std::string_view value) {
    out_ += '"';
    for (const char c : value) {
      if (c == '"' || c == '\\') {
        out_ += '\\';
        out_ += c;
      } else if (static_cast<unsigned char>(c) < 0x20) {
        fmt::format_to(std::back_inserter(out_), "\\u{:04x}", static_cast<unsigned>(c));
      } else {
        out_ += c;
      }
    }
    out_ += '"';
  }

  std::string& out_;
};

std::string_view name_of(Bus bus) {
  switch (bus) {
    case Bus::Mmio: return "Mmio";
    case Bus::SysReg: return "SysReg";
    case Bus::Port: return "Port";
  }
  return "?";
}

struct MemberWriter {
  ObjectWriter& out;

  void begin(std::string_view name, VmId vm, VcpuId vcpu) const {
    out.text("event", name);
    out.number("vm", vm.value);
    out.number("vcpu", vcpu.value);
  }
  void operator()(const TrapTaken& e) const {
    begin("TrapTaken", e.vm, e.vcpu);
    out.hex("cause", e.cause);
    out.hex("syndrome", e.syndrome);
    out.hex("fault_address", e.fault_address);
    out.hex("fault_gpa", e.fault_gpa);
    out.hex("return_address", e.return_address);
    out.hex("saved_state", e.saved_state);
    out.hex_list("registers", e.registers);
  }
  void operator()(const DeviceAccess& e) const {
    begin("DeviceAccess", e.vm, e.vcpu);
    out.text("bus", name_of(e.bus));
    out.boolean("is_write", e.is_write);
    out.number("width", e.width);
    out.hex("address", e.address);
    out.hex("data", e.data);
    out.text("device", e.device);
  }
  void operator()(const FirmwareCall& e) const {
    begin("FirmwareCall", e.vm, e.vcpu);
    out.text("name", e.name);
    out.hex("function", e.function);
    out.hex_list("arguments", e.arguments);
    out.hex("result", e.result);
  }
  void operator()(const PageMapped& e) const {
    begin("PageMapped", e.vm, e.vcpu);
    out.hex("gpa", e.gpa.value);
    out.hex("hpa", e.hpa.value);
    out.hex("size", e.size);
  }
  void operator()(const ExceptionInjected& e) const {
    begin("ExceptionInjected", e.vm, e.vcpu);
    out.hex("syndrome", e.syndrome);
    out.hex("fault_address", e.fault_address);
    out.text("reason", e.reason);
  }
  void operator()(const StateChanged& e) const {
    begin("StateChanged", e.vm, e.vcpu);
    out.boolean("of_vcpu", e.of_vcpu);
    out.text("state", e.state);
  }
};

}  // namespace

std::string to_json(const Event& event) {
  std::string text;
  ObjectWriter out(text);
  std::visit(MemberWriter{out}, event);
  out.end();
  return text;
}

std::string to_json(const Stamp& stamp, const Event& event) {
  std::string text;
  ObjectWriter out(text);
  std::visit(MemberWriter{out}, event);
  out.number("time_ns", stamp.time_ns);
  out.number("pcpu", stamp.pcpu);
  out.number("instructions", stamp.instructions);
  if (stamp.host) out.boolean("host", true);
  out.end();
  return text;
}

void JsonSink::event(const Stamp& stamp, const Event& event) {
  output_(to_json(stamp, event) + "\n");
}

}  // namespace axvm::hal_sim
