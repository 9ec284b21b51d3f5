#include <fmt/format.h>

#include <explain/aarch64/exit.hpp>
#include <explain/registers.hpp>
#include <explain/text.hpp>
#include <tools/axvm/explain_options.hpp>

namespace axvm::tool {

namespace {

using explain::aarch64::Exit;

// The exit that the registers are of: one with ESR_EL2 among them.
std::optional<Exit> exit_of(const std::vector<NamedValue>& registers) {
  std::optional<std::uint64_t> esr;
  Exit exit;
  const auto take = [&](std::string_view name, const std::optional<std::uint64_t>& value) {
    if (name == "ESR_EL2") esr = value;
    if (name == "FAR_EL2") exit.far = value;
    if (name == "HPFAR_EL2") exit.hpfar = value;
    if (name == "ELR_EL2") exit.elr = value;
    if (name == "SPSR_EL2") exit.spsr = value;
  };
  for (const NamedValue& named : registers) {
    take(explain::find_register(named.name)->name, named.value);
  }
  if (!esr) return std::nullopt;
  exit.esr = *esr;
  return exit;
}

void explain_registers(const std::vector<NamedValue>& registers, Output& output) {
  if (const auto exit = exit_of(registers)) {
    output.print("In short: {}.\n", explain::aarch64::what_happened(*exit));
    for (const std::string& line : explain::aarch64::what_follows(*exit)) {
      output.print("  {}\n", line);
    }
    output.write("\n");
  }
  bool first = true;
  for (const NamedValue& named : registers) {
    const explain::Register& known = *explain::find_register(named.name);
    if (!first) output.write("\n");
    first = false;
    output.write(named.value
                     ? explain::word_text(known.name, known.layout(*named.value), *named.value)
                     : explain::reference_text(known.name, known.layout(0)));
  }
}

void explain_descriptor(const ExplainDescriptorOptions& options, Output& output) {
  const auto& place = options.place;
  output.write(explain::word_text(fmt::format("stage {}, level {}", place.stage, place.level),
                                  explain::aarch64::descriptor_layout(place, options.word),
                                  options.word));
}

}  // namespace

int explain_command(const ExplainOptions& options, Output& output) {
  switch (options.what) {
    case ExplainOptions::What::Registers: explain_registers(options.registers, output); break;
    case ExplainOptions::What::List:
      for (const auto& known : explain::registers()) {
        output.print("{:<17} {}\n", known.name, known.layout(0).title);
      }
      break;
    case ExplainOptions::What::Descriptor: explain_descriptor(options.descriptor, output); break;
    case ExplainOptions::What::Walk: return explain_walk(options.walk, output);
    case ExplainOptions::What::Trace: return explain_trace(options.trace, output);
  }
  return 0;
}

}  // namespace axvm::tool
