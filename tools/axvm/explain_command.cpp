#include <fmt/format.h>

#include <explain/aarch64/exit.hpp>
#include <explain/registers.hpp>
#include <explain/riscv64/exit.hpp>
#include <explain/text.hpp>
#include <tools/axvm/explain_options.hpp>

namespace axvm::tool {

namespace {

// The value that was given to a register; nothing when it was not, or without one.
std::optional<std::uint64_t> value_of(const std::vector<NamedValue>& registers,
                                      std::string_view name) {
  std::optional<std::uint64_t> value;
  for (const NamedValue& named : registers) {
    if (explain::find_register(named.name)->name == name) value = named.value;
  }
  return value;
}

void tell(const std::string& happened, const std::vector<std::string>& follows, Output& output) {
  output.print("In short: {}.\n", happened);
  for (const std::string& line : follows) output.print("  {}\n", line);
  output.write("\n");
}

// The exit that the registers are of: one with ESR_EL2 or scause among them.
void tell_exit(const std::vector<NamedValue>& registers, Output& output) {
  const auto value = [&registers](std::string_view name) { return value_of(registers, name); };
  if (const auto esr = value("ESR_EL2")) {
    const explain::aarch64::Exit exit{.esr = *esr,
                                      .far = value("FAR_EL2"),
                                      .hpfar = value("HPFAR_EL2"),
                                      .elr = value("ELR_EL2"),
                                      .spsr = value("SPSR_EL2")};
    tell(what_happened(exit), what_follows(exit), output);
  }
  if (const auto scause = value("scause")) {
    const explain::riscv64::Exit exit{.scause = *scause,
                                      .stval = value("stval"),
                                      .htval = value("htval"),
                                      .htinst = value("htinst"),
                                      .sepc = value("sepc"),
                                      .hstatus = value("hstatus")};
    tell(what_happened(exit), what_follows(exit), output);
  }
}

void explain_registers(const std::vector<NamedValue>& registers, Output& output) {
  tell_exit(registers, output);
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

struct DescriptorText {
  std::uint64_t word;

  std::string operator()(const explain::aarch64::DescriptorPlace& place) const {
    return explain::word_text(fmt::format("stage {}, level {}", place.stage, place.level),
                              explain::aarch64::descriptor_layout(place, word), word);
  }
  std::string operator()(const explain::riscv64::EntryPlace& place) const {
    return explain::word_text(
        fmt::format("{}-stage, level {}", place.g_stage ? "G" : "VS", place.level),
        explain::riscv64::entry_layout(place, word), word);
  }
};

void explain_descriptor(const ExplainDescriptorOptions& options, Output& output) {
  output.write(std::visit(DescriptorText{options.word}, options.place));
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
