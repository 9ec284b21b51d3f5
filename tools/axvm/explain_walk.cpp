#include <fmt/format.h>

#include <hal-sim/arch/aarch64/platform.hpp>
#include <hal-sim/arch/riscv64/platform.hpp>
#include <hal-sim/trace/trap_text.hpp>
#include <lab/profile_file.hpp>
#include <tools/axvm/explain_typed_walk.hpp>
#include <tools/axvm/reached_vcpu.hpp>
#include <tools/axvm/replayed_trace.hpp>
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

int show_walk(sim::Machine& machine, unsigned pcpu, const std::string& title,
              const ExplainWalkOptions& options, const HierarchyProfile* memory, Output& output) {
  if (auto* const hart = hal_sim::riscv64::hart_of(machine, pcpu)) {
    return show(walk_of(*hart, options, memory), title, machine.memory(), options, output);
  }
  const Mmu& mmu = *hal_sim::aarch64::mmu_of(machine, pcpu);
  return show(explain::aarch64::walk(mmu, aarch64_question(options), memory), title,
              machine.memory(), options, output);
}

int explain_run(const ExplainWalkOptions& options, const HierarchyProfile* memory, Output& output) {
  const auto reached =
      reach_vcpu(options.configuration, options.vcpu, options.at, options.privilege);
  if (!reached) return reached.error();
  const std::string title = fmt::format("vm{} vcpu{} after {} instructions: {}", reached->vm.value,
                                        options.vcpu, reached->instructions, address_text(options));
  return show_walk(reached->host->machine(), reached->pcpu, title, options, memory, output);
}

// The exit of the trace as a question; one line when it is about no address.
std::expected<ExplainWalkOptions, std::string> traced_question(const TracedEvent& traced,
                                                               const ExplainWalkOptions& options) {
  const bool is_trap = traced.event.kind == "TrapTaken";
  const auto trap = is_trap ? hal_sim::trap_of(traced.event) : TrapTaken{};
  const auto access = is_trap ? traced_access(traced.isa, trap) : std::nullopt;
  if (!access) {
    return std::unexpected(fmt::format(
        "--event: {} is \"{}\", expected an exit by a fault of stage 2 at an address",
        *options.event, is_trap ? hal_sim::trap_text(traced.isa).name(trap) : traced.event.kind));
  }
  ExplainWalkOptions question = options;
  question.gva = access->gva;
  question.access = access->access;
  if (traced.isa == hal_sim::Isa::Riscv64) {
    question.privilege.is_user_mode = access->user;
  } else {
    question.privilege.el = access->user ? 0 : 1;
  }
  return question;
}

int explain_traced(const ExplainWalkOptions& options, const HierarchyProfile* memory,
                   Output& output) {
  const auto traced = find_event(*options.trace, *options.event);
  if (!traced) {
    complain(traced.error());
    return kBadUsage;
  }
  const auto question = traced_question(*traced, options);
  if (!question) {
    complain(question.error());
    return kBadUsage;
  }
  int status = 0;
  const auto replayed =
      replay_to(*traced, *options.trace, options.configuration,
                [&](hal_sim::Host& host, const hal_sim::Stamp& stamp) {
                  const std::string title = fmt::format(
                      "event {}, vm{} vcpu{} after {} instructions of CPU {}: {}", *options.event,
                      traced->event.number("vm"), traced->event.number("vcpu"), stamp.instructions,
                      stamp.pcpu, address_text(*question));
                  status = show_walk(host.machine(), stamp.pcpu, title, *question, memory, output);
                });
  return replayed ? status : replayed.error();
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
  if (options.trace) return explain_traced(options, memory, output);
  return options.typed() ? explain_typed_walk(options, memory, output)
                         : explain_run(options, memory, output);
}

}  // namespace axvm::tool
