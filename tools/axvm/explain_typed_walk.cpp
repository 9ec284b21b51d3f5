#include <fmt/format.h>

#include <tools/axvm/dumped_memory.hpp>
#include <tools/axvm/explain_typed_walk.hpp>
#include <tools/axvm/shown_walk.hpp>
#include <tools/axvm/traced_access.hpp>

namespace axvm::tool {

namespace {

using explain::TypedInput;
using hal_sim::Isa;
using sim::timing::HierarchyProfile;

// What has been typed in, from the file and the command line.
std::optional<TypedInput> typed_input(const ExplainWalkOptions& options) {
  TypedInput input;
  if (options.registers_file) {
    auto loaded = explain::load_registers(*options.registers_file);
    if (!loaded) {
      for (const auto& diagnostic : loaded.error()) complain(to_string(diagnostic));
      return std::nullopt;
    }
    input = std::move(*loaded);
  }
  for (const NamedValue& named : options.registers) {
    if (const auto set = set_register(input, named.name, *named.value); !set) {
      complain(fmt::format("--register: {} {}", named.name, set.error()));
      return std::nullopt;
    }
  }
  input.dumps.insert(input.dumps.end(), options.dumps.begin(), options.dumps.end());
  return input;
}

// Whether there are tables for the walker, and registers that it knows.
template <class TypedRegisters>
bool can_be_walked(const TypedRegisters& typed, const TypedInput& input) {
  if (const std::string why = unsupported(typed); !why.empty()) {
    complain(why);
    return false;
  }
  if (input.dumps.empty()) {
    complain("explain walk: expected --memory FILE@ADDRESS, the memory that holds the tables");
    return false;
  }
  return true;
}

void complain_of_descriptor(const std::string& read, std::string_view word, std::uint64_t pa) {
  complain(
      fmt::format("{}: the {} at {:#x} is in no dump, expected --memory with it", read, word, pa));
}

void complain_of_table(const std::string& read, std::string_view word,
                       std::optional<std::uint64_t> last) {
  complain(fmt::format("{}: the table is in no dump{}, expected --memory with it", read,
                       last ? fmt::format(" (the last {} read is {:#x})", word, *last) : ""));
}

// Every descriptor that was read, or should have been, is in a dump.
bool all_is_known(const explain::aarch64::ExplainedWalk& walk, const DumpedMemory& dumped) {
  for (const auto& read : walk.reads) {
    if (dumped.holds(read.step.descriptor_pa)) continue;
    complain_of_descriptor(read_title(read), "descriptor", read.step.descriptor_pa);
    return false;
  }
  if (walk.result || walk.result.error().kind != sim::aarch64::FaultKind::ExternalAbortOnWalk) {
    return true;
  }
  std::optional<std::uint64_t> last;
  if (!walk.reads.empty()) last = walk.reads.back().step.descriptor;
  complain_of_table(
      fmt::format("stage {} level {}", walk.result.error().stage, walk.result.error().level),
      "descriptor", last);
  return false;
}

bool all_is_known(const explain::riscv64::ExplainedWalk& walk, const DumpedMemory& dumped) {
  for (const auto& read : walk.reads) {
    if (dumped.holds(read.step.entry_pa)) continue;
    complain_of_descriptor(read_title(walk, read), "entry", read.step.entry_pa);
    return false;
  }
  if (walk.result || walk.result.error().kind != sim::riscv64::FaultKind::Access) return true;
  std::optional<std::uint64_t> last;
  if (!walk.reads.empty()) last = walk.reads.back().step.entry;
  complain_of_table(missing_read_title(walk), "entry", last);
  return false;
}

int explain_input(const explain::aarch64::TypedRegisters& typed, const DumpedMemory& dumped,
                  const ExplainWalkOptions& options, const HierarchyProfile* memory,
                  Output& output) {
  sim::Statistics statistics;
  sim::aarch64::Mmu mmu(dumped.memory, 1, statistics, typed.features);
  mmu.registers() = typed.registers;
  explain::aarch64::ExplainedWalk walk =
      explain::aarch64::walk(mmu, aarch64_question(options), memory);
  walk.has_tlb = false;
  if (!all_is_known(walk, dumped)) return kBadUsage;
  return show(walk, fmt::format("typed-in registers: {}", address_text(options)), dumped.memory,
              options, output);
}

int explain_input(const explain::riscv64::TypedRegisters& typed, const DumpedMemory& dumped,
                  const ExplainWalkOptions& options, const HierarchyProfile* memory,
                  Output& output) {
  if (typed.one_stage() && !options.gva) {
    complain("--gpa: is of guests, expected --gva with satp alone, or hgatp");
    return kBadUsage;
  }
  sim::Statistics statistics;
  sim::riscv64::Mmu mmu(dumped.memory, 1, statistics);
  mmu.registers() = typed.registers();
  const explain::riscv64::WalkQuestion question{
      .address = options.gva ? *options.gva : *options.gpa,
      .g_stage_only = !options.gva,
      .one_stage = typed.one_stage(),
      .context = typed.context(riscv64_access(options.access), options.privilege.user_mode())};
  explain::riscv64::ExplainedWalk walk = explain::riscv64::walk(mmu, question, memory);
  walk.has_tlb = false;
  if (!all_is_known(walk, dumped)) return kBadUsage;
  const std::string address = typed.one_stage()
                                  ? fmt::format("{} {:#x}", walk.virtual_space(), question.address)
                                  : address_text(options);
  return show(walk, fmt::format("typed-in registers: {}", address), dumped.memory, options, output);
}

template <class TypedRegisters>
int explain_typed(const TypedRegisters& typed, const TypedInput& input,
                  const ExplainWalkOptions& options, const HierarchyProfile* memory,
                  Output& output) {
  if (!can_be_walked(typed, input)) return kBadUsage;
  const auto dumped = read_dumps(input.dumps);
  if (!dumped) {
    complain(dumped.error());
    return kBadUsage;
  }
  return explain_input(typed, *dumped, options, memory, output);
}

}  // namespace

int explain_typed_walk(const ExplainWalkOptions& options, const HierarchyProfile* memory,
                       Output& output) {
  const auto input = typed_input(options);
  if (!input) return kBadUsage;
  // Without registers, what else was said tells the instruction set.
  const Isa isa =
      input->isa().value_or(options.privilege.is_user_mode ? Isa::Riscv64 : Isa::Aarch64);
  if (!suits(options.privilege, isa)) return kBadUsage;
  if (isa == Isa::Aarch64) {
    const auto* const typed = std::get_if<explain::aarch64::TypedRegisters>(&input->registers);
    return explain_typed(typed != nullptr ? *typed : explain::aarch64::TypedRegisters{}, *input,
                         options, memory, output);
  }
  const auto* const typed = std::get_if<explain::riscv64::TypedRegisters>(&input->registers);
  return explain_typed(typed != nullptr ? *typed : explain::riscv64::TypedRegisters{}, *input,
                       options, memory, output);
}

}  // namespace axvm::tool
