#include <fmt/format.h>

#include <tools/axvm/exit_status.hpp>
#include <tools/axvm/reached_vcpu.hpp>

namespace axvm::tool {

using hal_sim::StopCondition;
using hal_sim::StopKind;
using hal_sim::StopReason;

std::expected<ReachedVcpu, int> reach_vcpu(const ConfigurationOptions& options, std::uint32_t vcpu,
                                           std::optional<std::uint64_t> at,
                                           const WalkPrivilege& privilege) {
  const auto config = read_configuration(options, true);
  if (!config || !suits(privilege, config->sim.isa)) return std::unexpected(kBadUsage);
  ReachedVcpu reached{.host = make_host(*config, options), .vm = {}};
  if (!reached.host) return std::unexpected(kBadUsage);
  hal_sim::Host& host = *reached.host;
  reached.vm = host.vm(0).id();
  const VcpuId id(vcpu);
  const auto pcpu = host.pcpu_of(reached.vm, id);
  if (!pcpu) {
    complain(
        fmt::format("--vcpu: vm{} has vCPUs 0 to {}", reached.vm.value, host.vm(0).vcpu_num() - 1));
    return std::unexpected(kBadUsage);
  }
  reached.pcpu = *pcpu;
  StopCondition until;
  if (at) until.vcpu = StopCondition::VcpuInstructions{reached.vm, id, *at};
  const StopReason reason = host.run(until);
  reached.instructions = host.instructions_of(reached.vm, id);
  if (at && reason.kind != StopKind::VcpuReached) {
    complain(fmt::format("{} after {} instructions of vcpu{}, before --at {}", reason.text,
                         reached.instructions, vcpu, *at));
    return std::unexpected(kGuestFailed);
  }
  // Stopped on the way, the vCPU may not be the one whose registers its pCPU holds.
  if (!reason.is_final() && !host.load_registers(reached.vm, id)) {
    complain(fmt::format("vcpu{} is switched off at that point", vcpu));
    return std::unexpected(kGuestFailed);
  }
  return reached;
}

}  // namespace axvm::tool
