#include <fmt/format.h>

#include <explain/aarch64/walk_page.hpp>
#include <explain/aarch64/walk_text.hpp>
#include <explain/riscv64/walk_page.hpp>
#include <explain/riscv64/walk_text.hpp>
#include <hal-sim/arch/aarch64/platform.hpp>
#include <hal-sim/arch/riscv64/platform.hpp>
#include <lab/profile_file.hpp>
#include <sim/cpu/statistics.hpp>
#include <tools/axvm/dumped_memory.hpp>
#include <tools/axvm/exit_status.hpp>
#include <tools/axvm/explain_options.hpp>
#include <tools/axvm/reached_vcpu.hpp>
#include <tools/axvm/riscv64_walk.hpp>

namespace axvm::tool {

namespace {

using explain::aarch64::ExplainedWalk;
using explain::aarch64::TypedRegisters;
using explain::aarch64::WalkQuestion;
using sim::aarch64::FaultKind;
using sim::aarch64::Mmu;
using sim::timing::HierarchyProfile;

WalkQuestion aarch64_question(const ExplainWalkOptions& options) {
  return {.address = options.gva ? *options.gva : *options.gpa,
          .stage2_only = !options.gva,
          .access = options.access,
          .el = options.privilege.exception_level()};
}

std::string address_text(const ExplainWalkOptions& options) {
  return fmt::format("{} {:#x}", options.gva ? "GVA" : "GPA",
                     options.gva ? *options.gva : *options.gpa);
}

void complain_all(const std::vector<hal_sim::Diagnostic>& diagnostics) {
  for (const auto& diagnostic : diagnostics) complain(to_string(diagnostic));
}

sim::riscv64::Access riscv64_access(explain::aarch64::Access access) {
  switch (access) {
    case explain::aarch64::Access::Write: return sim::riscv64::Access::Store;
    case explain::aarch64::Access::Fetch: return sim::riscv64::Access::Fetch;
    case explain::aarch64::Access::Read: break;
  }
  return sim::riscv64::Access::Load;
}

// As text, or as a page.
template <class Walk>
int show(const Walk& walk, const std::string& title, const sim::PhysicalMemory& memory,
         const ExplainWalkOptions& options, Output& output) {
  if (!options.html) {
    output.print("{}\n{}", title, walk_text(walk, options.full));
    return 0;
  }
  auto file = Output::create(*options.html);
  if (!file) {
    complain(file.error());
    return kBadUsage;
  }
  (*file)->write(walk_page(walk, title, memory));
  return settle(**file, 0);
}

// What has been typed in, from the file and the command line.
std::optional<TypedRegisters> typed_registers(const ExplainWalkOptions& options) {
  TypedRegisters typed;
  if (options.registers_file) {
    auto loaded = explain::aarch64::load_registers(*options.registers_file);
    if (!loaded) {
      complain_all(loaded.error());
      return std::nullopt;
    }
    typed = std::move(*loaded);
  }
  for (const NamedValue& named : options.registers) {
    if (const auto set = set_register(typed, named.name, *named.value); !set) {
      complain(fmt::format("--register: {} {}", named.name, set.error()));
      return std::nullopt;
    }
  }
  typed.dumps.insert(typed.dumps.end(), options.dumps.begin(), options.dumps.end());
  if (const std::string why = unsupported(typed); !why.empty()) {
    complain(why);
    return std::nullopt;
  }
  if (typed.dumps.empty()) {
    complain("explain walk: expected --memory FILE@ADDRESS, the memory that holds the tables");
    return std::nullopt;
  }
  return typed;
}

// Every descriptor that was read, or should have been, is in a dump.
bool all_is_known(const ExplainedWalk& walk, const DumpedMemory& dumped) {
  for (const auto& read : walk.reads) {
    if (dumped.holds(read.step.descriptor_pa)) continue;
    complain(fmt::format("{}: the descriptor at {:#x} is in no dump, expected --memory with it",
                         read_title(read), read.step.descriptor_pa));
    return false;
  }
  if (walk.result || walk.result.error().kind != FaultKind::ExternalAbortOnWalk) return true;
  complain(fmt::format("stage {} level {}: the table is in no dump{}, expected --memory with it",
                       walk.result.error().stage, walk.result.error().level,
                       walk.reads.empty() ? ""
                                          : fmt::format(" (the last descriptor read is {:#x})",
                                                        walk.reads.back().step.descriptor)));
  return false;
}

int explain_typed(const ExplainWalkOptions& options, const HierarchyProfile* memory,
                  Output& output) {
  if (!suits(options.privilege, hal_sim::Isa::Aarch64)) return kBadUsage;
  const auto typed = typed_registers(options);
  if (!typed) return kBadUsage;
  const auto dumped = read_dumps(typed->dumps);
  if (!dumped) {
    complain(dumped.error());
    return kBadUsage;
  }
  sim::Statistics statistics;
  Mmu mmu(dumped->memory, 1, statistics, typed->features);
  mmu.registers() = typed->registers;
  ExplainedWalk walk = explain::aarch64::walk(mmu, aarch64_question(options), memory);
  walk.has_tlb = false;
  if (!all_is_known(walk, *dumped)) return kBadUsage;
  return show(walk, fmt::format("typed-in registers: {}", address_text(options)), dumped->memory,
              options, output);
}

explain::riscv64::ExplainedWalk walk_of(sim::riscv64::Pcpu& hart, const ExplainWalkOptions& options,
                                        const HierarchyProfile* memory) {
  const auto access = riscv64_access(options.access);
  const auto question = options.gva
                            ? question_of(hart, *options.gva, options.privilege.user_mode(), access)
                            : question_of(*options.gpa, access);
  return explain::riscv64::walk(hart.mmu(), question, memory);
}

int explain_run(const ExplainWalkOptions& options, const HierarchyProfile* memory, Output& output) {
  const auto reached =
      reach_vcpu(options.configuration, options.vcpu, options.at, options.privilege);
  if (!reached) return reached.error();
  const std::string title = fmt::format("vm{} vcpu{} after {} instructions: {}", reached->vm.value,
                                        options.vcpu, reached->instructions, address_text(options));
  sim::Machine& machine = reached->host->machine();
  if (auto* const hart = hal_sim::riscv64::hart_of(machine, reached->pcpu)) {
    return show(walk_of(*hart, options, memory), title, machine.memory(), options, output);
  }
  const Mmu& mmu = *hal_sim::aarch64::mmu_of(machine, reached->pcpu);
  return show(explain::aarch64::walk(mmu, aarch64_question(options), memory), title,
              machine.memory(), options, output);
}

}  // namespace

int explain_walk(const ExplainWalkOptions& options, Output& output) {
  std::optional<sim::timing::Profile> profile;
  if (options.profile) {
    auto loaded = lab::load_profile(*options.profile);
    if (!loaded) {
      complain_all(loaded.error());
      return kBadUsage;
    }
    profile = std::move(*loaded);
  }
  const HierarchyProfile* const memory = profile ? &profile->memory : nullptr;
  return options.typed() ? explain_typed(options, memory, output)
                         : explain_run(options, memory, output);
}

}  // namespace axvm::tool
