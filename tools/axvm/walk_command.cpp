#include <fmt/format.h>

#include <hal-sim/arch/aarch64/platform.hpp>
#include <hal-sim/arch/riscv64/platform.hpp>
#include <tools/axvm/commands.hpp>
#include <tools/axvm/reached_vcpu.hpp>
#include <tools/axvm/riscv64_walk.hpp>
#include <tools/axvm/walk_text.hpp>

namespace axvm::tool {
namespace {

using sim::aarch64::Access;

std::string permissions(const sim::aarch64::Mmu& mmu, const WalkOptions& options) {
  const std::uint8_t el = options.privilege.exception_level();
  std::string text;
  for (const auto& [access, letter] :
       {std::pair{Access::Read, 'r'}, {Access::Write, 'w'}, {Access::Fetch, 'x'}}) {
    sim::aarch64::NoObserver nobody;
    const bool allowed =
        options.gva
            ? mmu.walk(*options.gva, {.access = access, .el = el, .pan = false}, nobody).has_value()
            : mmu.walk_stage2(*options.gpa, access, nobody).has_value();
    text += allowed ? letter : '-';
  }
  return text;
}

void draw(const sim::aarch64::Mmu& mmu, const WalkOptions& options, Output& output) {
  const std::uint8_t el = options.privilege.exception_level();
  StepRecorder recorder;
  const auto result =
      options.gva
          ? mmu.walk(*options.gva, {.access = Access::Read, .el = el, .pan = false}, recorder)
          : mmu.walk_stage2(*options.gpa, Access::Read, recorder);
  output.print("{}", regime_text(mmu.registers()));
  for (const auto& step : recorder.steps()) output.print("{}", step_text(step));
  output.print("{}", result ? result_text(*result) : fault_text(result.error()));
  if (options.gva) {
    output.print("access from EL{}: {}\n", el, permissions(mmu, options));
  } else {
    output.print("access by stage 2: {}\n", permissions(mmu, options));
  }
}

void draw(sim::riscv64::Pcpu& hart, const WalkOptions& options, Output& output) {
  const auto question = options.gva ? question_of(hart, *options.gva, options.privilege.user_mode())
                                    : question_of(*options.gpa);
  output.write(drawn(explain::riscv64::walk(hart.mmu(), question)));
}

void draw(sim::Machine& machine, unsigned pcpu, const WalkOptions& options, Output& output) {
  if (const auto* const mmu = hal_sim::aarch64::mmu_of(machine, pcpu)) {
    draw(*mmu, options, output);
  } else {
    draw(*hal_sim::riscv64::hart_of(machine, pcpu), options, output);
  }
}

}  // namespace

void draw_walk(sim::Machine& machine, unsigned pcpu, std::uint64_t gva, Output& output) {
  WalkOptions options;
  options.gva = gva;
  draw(machine, pcpu, options, output);
}

int walk_command(const WalkOptions& options, Output& output) {
  const auto reached =
      reach_vcpu(options.configuration, options.vcpu, options.at, options.privilege);
  if (!reached) return reached.error();
  output.print("vm{} vcpu{} after {} instructions: {} {:#x}\n", reached->vm.value, options.vcpu,
               reached->instructions, options.gva ? "GVA" : "GPA",
               options.gva ? *options.gva : *options.gpa);
  draw(reached->host->machine(), reached->pcpu, options, output);
  return 0;
}

}  // namespace axvm::tool
