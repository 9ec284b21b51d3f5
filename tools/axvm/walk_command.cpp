#include <fmt/format.h>

#include <tools/axvm/commands.hpp>
#include <tools/axvm/reached_vcpu.hpp>
#include <tools/axvm/walk_text.hpp>

namespace axvm::tool {
namespace {

using sim::aarch64::Access;

std::string permissions(const sim::aarch64::Mmu& mmu, const WalkOptions& options) {
  std::string text;
  for (const auto& [access, letter] :
       {std::pair{Access::Read, 'r'}, {Access::Write, 'w'}, {Access::Fetch, 'x'}}) {
    sim::aarch64::NoObserver nobody;
    const bool allowed =
        options.gva
            ? mmu.walk(*options.gva, {.access = access, .el = options.el, .pan = false}, nobody)
                  .has_value()
            : mmu.walk_stage2(*options.gpa, access, nobody).has_value();
    text += allowed ? letter : '-';
  }
  return text;
}

void draw(const sim::aarch64::Mmu& mmu, const WalkOptions& options, Output& output) {
  StepRecorder recorder;
  const auto result =
      options.gva ? mmu.walk(*options.gva, {.access = Access::Read, .el = options.el, .pan = false},
                             recorder)
                  : mmu.walk_stage2(*options.gpa, Access::Read, recorder);
  output.print("{}", regime_text(mmu.registers()));
  for (const auto& step : recorder.steps()) output.print("{}", step_text(step));
  output.print("{}", result ? result_text(*result) : fault_text(result.error()));
  if (options.gva) {
    output.print("access from EL{}: {}\n", options.el, permissions(mmu, options));
  } else {
    output.print("access by stage 2: {}\n", permissions(mmu, options));
  }
}

}  // namespace

void draw_walk(const sim::aarch64::Mmu& mmu, std::uint64_t gva, Output& output) {
  WalkOptions options;
  options.gva = gva;
  draw(mmu, options, output);
}

int walk_command(const WalkOptions& options, Output& output) {
  const auto reached = reach_vcpu(options.configuration, options.vcpu, options.at);
  if (!reached) return reached.error();
  output.print("vm{} vcpu{} after {} instructions: {} {:#x}\n", reached->vm.value, options.vcpu,
               reached->instructions, options.gva ? "GVA" : "GPA",
               options.gva ? *options.gva : *options.gpa);
  draw(reached->mmu(), options, output);
  return 0;
}

}  // namespace axvm::tool
