#include <fmt/format.h>

#include <explain/registers.hpp>
#include <explain/text.hpp>
#include <explain/traced_exit.hpp>
#include <hal-sim/trace/trace_reader.hpp>
#include <tools/axvm/exit_status.hpp>
#include <tools/axvm/explain_options.hpp>
#include <tools/axvm/replayed_trace.hpp>

namespace axvm::tool {

namespace {

using explain::TracedExit;
using hal_sim::Isa;
using hal_sim::TraceEvent;
using hal_sim::TraceReader;

bool is_exit(const TraceEvent& event) { return event.kind == "TrapTaken"; }

// What the VMM did: "DeviceAccess bus=Mmio is_write=true …".
std::string action_text(const TraceEvent& event) {
  std::string text = event.kind;
  for (const auto& field : event.fields) {
    if (field.name == "vm" || field.name == "vcpu") continue;
    text += fmt::format(" {}={}", field.name, hal_sim::value_text(field.value));
  }
  return text;
}

std::string heading(const TracedExit& exit, const TraceEvent& event, std::size_t number) {
  return fmt::format("event {}, line {}, vm{} vcpu{}: {}\n", number, event.line, event.number("vm"),
                     event.number("vcpu"), exit.title);
}

void show_briefly(Isa isa, const TraceEvent& event, std::size_t number, Output& output) {
  if (!is_exit(event)) {
    output.write(explain::wrapped("→ " + action_text(event), 2));
    return;
  }
  const TracedExit exit = explain::traced_exit(isa, event);
  output.write(heading(exit, event, number));
  if (exit.interrupted) return;
  output.write(explain::wrapped(exit.happened, 2));
  for (const std::string& line : exit.follows) {
    if (line.starts_with("Why")) output.write(explain::wrapped(line, 2));
  }
}

void show_in_full(Isa isa, const TraceEvent& event, std::size_t number, Output& output) {
  if (!is_exit(event)) {
    output.print("event {}, line {}, vm{} vcpu{}: {}\n", number, event.line, event.number("vm"),
                 event.number("vcpu"), action_text(event));
    return;
  }
  const TracedExit exit = explain::traced_exit(isa, event);
  output.write(heading(exit, event, number));
  if (!exit.interrupted) {
    output.print("In short: {}.\n", exit.happened);
    for (const std::string& line : exit.follows) output.write(explain::wrapped(line, 2));
  }
  for (const auto& [name, value] : exit.registers) {
    const explain::Layout& layout = explain::find_register(name)->layout(value);
    output.write("\n" + explain::word_text(name, layout, value));
  }
  std::size_t n = 0;
  for (const std::uint64_t value : exit.general) {
    output.print("{}{:<3} = {:#018x}", n % 4 == 0 ? "\n" : "  ", explain::general_register(isa, n),
                 value);
    ++n;
  }
  output.write("\n");
}

}  // namespace

int explain_trace(const ExplainTraceOptions& options, Output& output) {
  auto stream = open_trace(options.file);
  if (!stream) {
    complain(stream.error());
    return kBadUsage;
  }
  TraceReader reader(options.file, *stream, hal_sim::TraceContent::Everything, options.vm);
  for (std::size_t number = 1;; ++number) {
    const auto event = reader.next();
    if (!event) {
      complain(event.error());
      return kBadUsage;
    }
    if (!*event) {
      if (!options.event) return 0;
      complain(fmt::format("--event: is {}, {} has {} events", *options.event, options.file,
                           number - 1));
      return kBadUsage;
    }
    if (!options.event) show_briefly(reader.isa(), **event, number, output);
    if (options.event == number) {
      show_in_full(reader.isa(), **event, number, output);
      return 0;
    }
  }
}

}  // namespace axvm::tool
