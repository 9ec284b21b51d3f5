// The state hash: everything that decides how a run goes on.
#include <hal-sim/host/host.hpp>
#include <hal-sim/state/state_hash.hpp>

namespace axvm::hal_sim {

void Host::describe_schedule(StateVisitor& visitor) {
  visitor.field("rounds", rounds_);
  visitor.value("round_was_used", round_was_used_);
  visitor.field("resets", resets_);
  visitor.field("round_begin", round_begin_);
  visitor.field("round_end", round_end_);
  visitor.value("next_pcpu", next_pcpu_);
  std::uint64_t current = current_ ? *current_ + 1 : 0;
  visitor.field("current", current);
  for (std::size_t i = 0; i < vcpus_.size(); ++i) {
    visitor.enter("vcpu", i);
    visitor.value("on", vcpus_[i].on);
    visitor.value("waiting", vcpus_[i].waiting);
    visitor.value("nudged", vcpus_[i].nudged);
    visitor.value("pcpu", vcpus_[i].pcpu);
    std::uint64_t wake_time = vcpus_[i].wake_time.value_or(sim::aarch64::Pcpu::kNever);
    visitor.field("wake_time", wake_time);
    visitor.field("last_round", vcpus_[i].last_round);
    visitor.field("not_before", vcpus_[i].not_before);
    visitor.field("instructions", vcpus_[i].instructions);
    visitor.leave();
  }
  for (std::size_t i = 0; i < queues_.size(); ++i) {
    visitor.enter("queue", i);
    for (std::size_t& vcpu : queues_[i]) visitor.value("vcpu", vcpu);
    visitor.leave();
  }
}

std::string Host::state_hash() {
  Hasher hasher;
  SimHashVisitor of_machine(hasher);
  machine_->describe(of_machine);
  CoreHashVisitor of_core(hasher);
  for (unsigned i = 0; i < queues_.size(); ++i) {
    of_core.enter("per_cpu", i);
    hal_->per_cpu(i).describe(of_core);
    of_core.leave();
  }
  for (const Ref<VmBase>& vm : vms_) {
    of_core.enter("vm", vm->id().value);
    vm->describe(of_core);
    of_core.leave();
    const ConsolePort& port = hal_->console(vm->id());
    hasher.add(port.output());
    hasher.add(port.pending());
  }
  hal_->ivc().registry().describe(of_core);
  backends_->describe(of_core);
  describe_schedule(of_core);
  return hasher.hex();
}

}  // namespace axvm::hal_sim
