#pragma once
// Events as JSON, one object per line: for programs.

#include <hal-sim/isa.hpp>
#include <hal-sim/trace/trace_sink.hpp>
#include <string>

namespace axvm::hal_sim {

/// The event as one line without its end: "event" (the type's name) first, then the event's members
/// by their names, then the stamp. Members of 64 bits are strings in hexadecimal ("0x40080000"),
/// as JSON numbers lose bits beyond 2^53.
[[nodiscard]] std::string to_json(const Event& event);
[[nodiscard]] std::string to_json(const Stamp& stamp, const Event& event);
[[nodiscard]] std::string to_json(const sim::UnmaintainedCode& event);

/// The line that begins a trace, so that readers know whose registers they see.
[[nodiscard]] std::string trace_heading(Isa isa);

class JsonSink final : public TraceSink {
 public:
  explicit JsonSink(TextOutput output) : output_(std::move(output)) {}
  void event(const Stamp& stamp, const Event& event) override;
  void unmaintained_code(const sim::UnmaintainedCode& event) override;

 private:
  TextOutput output_;
};

}  // namespace axvm::hal_sim
