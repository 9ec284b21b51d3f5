#include <fmt/format.h>

#include <axvm/event_fields.hpp>
#include <hal-sim/trace/json_sink.hpp>
#include <iterator>
#include <span>

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
  void flag(std::string_view name, bool value) {
    key(name);
    out_ += value ? "true" : "false";
  }
  void hex_list(std::string_view name, std::span<const std::uint64_t> values) {
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

}  // namespace

std::string to_json(const Event& event) {
  std::string text;
  ObjectWriter out(text);
  write_fields(event, out);
  out.end();
  return text;
}

std::string to_json(const Stamp& stamp, const Event& event) {
  std::string text;
  ObjectWriter out(text);
  write_fields(event, out);
  out.number("time_ns", stamp.time_ns);
  out.number("pcpu", stamp.pcpu);
  out.number("instructions", stamp.instructions);
  if (stamp.host) out.flag("host", true);
  out.end();
  return text;
}

std::string to_json(const sim::UnmaintainedCode& event) {
  std::string text;
  ObjectWriter out(text);
  out.text("event", "UnmaintainedCode");
  out.hex("pc", event.pc);
  out.hex("address", event.address);
  out.number("time_ns", event.time_ns);
  out.number("pcpu", event.pcpu);
  out.number("instructions", event.instructions);
  out.end();
  return text;
}

std::string trace_heading(Isa isa) {
  std::string text;
  ObjectWriter out(text);
  out.text("event", "Machine");
  out.text("isa", to_string(isa));
  out.end();
  return text + "\n";
}

void JsonSink::event(const Stamp& stamp, const Event& event) {
  output_(to_json(stamp, event) + "\n");
}

void JsonSink::unmaintained_code(const sim::UnmaintainedCode& event) {
  output_(to_json(event) + "\n");
}

}  // namespace axvm::hal_sim
