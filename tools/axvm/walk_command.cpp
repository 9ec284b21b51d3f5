#include <fmt/format.h>

#include <tools/axvm/commands.hpp>
#include <tools/axvm/exit_status.hpp>
#include <tools/axvm/walk_text.hpp>

namespace axvm::tool {
namespace {

using hal_sim::StopCondition;
using hal_sim::StopKind;
using hal_sim::StopReason;
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
  const auto config = read_configuration(options.configuration, true);
  if (!config) return kBadUsage;
  const auto host = make_host(*config, options.configuration);
  if (!host) return kBadUsage;
  const VmId vm = host->vm(0).id();
  const VcpuId vcpu(options.vcpu);
  const auto pcpu = host->pcpu_of(vm, vcpu);
  if (!pcpu) {
    complain(fmt::format("--vcpu: vm{} has vCPUs 0 to {}", vm.value, host->vm(0).vcpu_num() - 1));
    return kBadUsage;
  }
  StopCondition until;
  if (options.at) until.vcpu = StopCondition::VcpuInstructions{vm, vcpu, *options.at};
  const StopReason reason = host->run(until);
  const std::uint64_t reached = host->instructions_of(vm, vcpu);
  if (options.at && reason.kind != StopKind::VcpuReached) {
    complain(fmt::format("{} after {} instructions of vcpu{}, before --at {}", reason.text, reached,
                         options.vcpu, *options.at));
    return kGuestFailed;
  }
  // Stopped on the way, the vCPU may not be the one whose registers its pCPU holds.
  if (!reason.is_final() && !host->load_registers(vm, vcpu)) {
    complain(fmt::format("vcpu{} is switched off at that point", options.vcpu));
    return kGuestFailed;
  }
  output.print("vm{} vcpu{} after {} instructions: {} {:#x}\n", vm.value, options.vcpu, reached,
               options.gva ? "GVA" : "GPA", options.gva ? *options.gva : *options.gpa);
  draw(host->machine().pcpu(*pcpu).mmu(), options, output);
  return 0;
}

}  // namespace axvm::tool
