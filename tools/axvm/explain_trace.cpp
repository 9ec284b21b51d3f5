#include <fmt/format.h>

#include <cerrno>
#include <explain/aarch64/exit.hpp>
#include <explain/aarch64/layouts.hpp>
#include <explain/registers.hpp>
#include <explain/text.hpp>
#include <fstream>
#include <hal-sim/trace/trace_reader.hpp>
#include <system_error>
#include <tools/axvm/exit_status.hpp>
#include <tools/axvm/explain_options.hpp>

namespace axvm::tool {

namespace {

using explain::aarch64::Exit;
using hal_sim::TraceEvent;
using hal_sim::TraceReader;
using hal_sim::TraceValue;

constexpr std::uint64_t kSynchronous = 0;

bool is_exit(const TraceEvent& event) { return event.kind == "TrapTaken"; }

std::string_view interrupt_name(std::uint64_t vector) {
  switch (vector) {
    case 1: return "IRQ: an interrupt for EL2";
    case 2: return "FIQ: an interrupt for EL2";
    case 3: return "SError: an error for EL2";
    default: return "unknown vector";
  }
}

std::span<const std::uint64_t> registers_of(const TraceEvent& event) {
  const TraceValue* const value = event.find("registers");
  const auto* const list =
      value != nullptr ? std::get_if<std::vector<std::uint64_t>>(value) : nullptr;
  return list != nullptr ? std::span(*list) : std::span<const std::uint64_t>();
}

Exit exit_of(const TraceEvent& event) {
  return {.esr = event.number("syndrome"),
          .far = event.number("fault_address"),
          .hpfar = event.number("fault_gpa"),
          .elr = event.number("return_address"),
          .spsr = event.number("saved_state"),
          .registers = registers_of(event)};
}

// What the VMM did: "DeviceAccess bus=Mmio is_write=true …".
std::string action_text(const TraceEvent& event) {
  std::string text = event.kind;
  for (const auto& field : event.fields) {
    if (field.name == "vm" || field.name == "vcpu") continue;
    text += fmt::format(" {}={}", field.name, hal_sim::value_text(field.value));
  }
  return text;
}

std::string heading(const TraceEvent& event, std::size_t number) {
  const std::uint64_t esr = event.number("syndrome");
  const bool synchronous = event.number("cause") == kSynchronous;
  return fmt::format("event {}, line {}, vm{} vcpu{}: {}\n", number, event.line, event.number("vm"),
                     event.number("vcpu"),
                     synchronous ? explain::aarch64::exception_class_text(esr >> 26 & 63)
                                 : interrupt_name(event.number("cause")));
}

void show_briefly(const TraceEvent& event, std::size_t number, Output& output) {
  if (!is_exit(event)) {
    output.write(explain::wrapped("→ " + action_text(event), 2));
    return;
  }
  output.write(heading(event, number));
  if (event.number("cause") != kSynchronous) return;
  const Exit exit = exit_of(event);
  output.write(explain::wrapped(explain::aarch64::what_happened(exit), 2));
  for (const std::string& line : explain::aarch64::what_follows(exit)) {
    if (line.starts_with("Why")) output.write(explain::wrapped(line, 2));
  }
}

void show_register(std::string_view name, std::uint64_t value, Output& output) {
  output.write("\n" + explain::word_text(name, explain::find_register(name)->layout(value), value));
}

void show_in_full(const TraceEvent& event, std::size_t number, Output& output) {
  if (!is_exit(event)) {
    output.print("event {}, line {}, vm{} vcpu{}: {}\n", number, event.line, event.number("vm"),
                 event.number("vcpu"), action_text(event));
    return;
  }
  output.write(heading(event, number));
  if (event.number("cause") == kSynchronous) {
    const Exit exit = exit_of(event);
    output.print("In short: {}.\n", explain::aarch64::what_happened(exit));
    for (const std::string& line : explain::aarch64::what_follows(exit)) {
      output.write(explain::wrapped(line, 2));
    }
    show_register("ESR_EL2", exit.esr, output);
    show_register("FAR_EL2", *exit.far, output);
    show_register("HPFAR_EL2", *exit.hpfar, output);
  }
  show_register("ELR_EL2", event.number("return_address"), output);
  show_register("SPSR_EL2", event.number("saved_state"), output);
  std::size_t n = 0;
  for (const std::uint64_t value : registers_of(event)) {
    output.print("{}X{:<2} = {:#018x}", n % 4 == 0 ? "\n" : "  ", n, value);
    ++n;
  }
  output.write("\n");
}

}  // namespace

int explain_trace(const ExplainTraceOptions& options, Output& output) {
  errno = 0;
  std::ifstream stream(options.file, std::ios::binary);
  // A folder can be opened, but has no first byte.
  if (!stream.is_open() || (stream.peek(), stream.bad())) {
    complain(fmt::format("{}: cannot be read: {}", options.file,
                         std::generic_category().message(errno)));
    return kBadUsage;
  }
  stream.clear();
  TraceReader reader(options.file, stream, hal_sim::TraceContent::All, options.vm);
  if (reader.isa() != hal_sim::Isa::Aarch64) {
    complain(fmt::format("{}: is of {} guests, expected a trace of aarch64 guests", options.file,
                         to_string(reader.isa())));
    return kBadUsage;
  }
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
    if (!options.event) show_briefly(**event, number, output);
    if (options.event == number) {
      show_in_full(**event, number, output);
      return 0;
    }
  }
}

}  // namespace axvm::tool
