#include <fmt/format.h>

#include <hal-sim/arch/aarch64/platform.hpp>
#include <hal-sim/arch/riscv64/platform.hpp>
#include <lab/profile_file.hpp>
#include <tools/axvm/explain_typed_walk.hpp>
#include <tools/axvm/reached_vcpu.hpp>
#include <tools/axvm/riscv64_walk.hpp>
#include <tools/axvm/shown_walk.hpp>
#include <tools/axvm/traced_access.hpp>

namespace axvm::tool {

namespace {

using sim::aarch64::Mmu;
using sim::timing::HierarchyProfile;

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
      for (const auto& diagnostic : loaded.error()) complain(to_string(diagnostic));
      return kBadUsage;
    }
    profile = std::move(*loaded);
  }
  const HierarchyProfile* const memory = profile ? &profile->memory : nullptr;
  return options.typed() ? explain_typed_walk(options, memory, output)
                         : explain_run(options, memory, output);
}

}  // namespace axvm::tool
