// Everything that decides how a run goes on: for the hash, and to be saved and restored.
#include <algorithm>
#include <hal-sim/host/host.hpp>
#include <hal-sim/state/state_hash.hpp>

namespace axvm::hal_sim {

void Host::describe_vcpu(Vcpu& vcpu, StateVisitor& visitor) {
  visitor.value("on", vcpu.on);
  visitor.value("waiting", vcpu.waiting);
  visitor.value("nudged", vcpu.nudged);
  visitor.value("pcpu", vcpu.pcpu);
  std::uint64_t wake_time = vcpu.wake_time.value_or(sim::Pcpu::kNever);
  visitor.field("wake_time", wake_time);
  vcpu.wake_time.reset();
  if (wake_time != sim::Pcpu::kNever) vcpu.wake_time = wake_time;
  visitor.field("last_round", vcpu.last_round);
  visitor.field("not_before", vcpu.not_before);
  visitor.field("instructions", vcpu.instructions);
  if (vcpu.pcpu >= queues_.size()) vcpu.pcpu = 0;  // a restored state may be anything
}

void Host::describe_queue(std::vector<std::size_t>& queue, StateVisitor& visitor) {
  std::uint64_t count = queue.size();
  visitor.field("vcpus", count);
  queue.resize(std::min<std::uint64_t>(count, vcpus_.size()));
  for (std::size_t& vcpu : queue) {
    visitor.value("vcpu", vcpu);
    vcpu = std::min(vcpu, vcpus_.size() - 1);
  }
}

void Host::describe_schedule(StateVisitor& visitor) {
  visitor.field("rounds", rounds_);
  visitor.value("round_was_used", round_was_used_);
  visitor.field("resets", resets_);
  visitor.field("round_begin", round_begin_);
  visitor.field("round_end", round_end_);
  visitor.value("next_pcpu", next_pcpu_);
  unsigned running_on = hal_->running_on();
  visitor.value("running_on", running_on);
  hal_->run_on(running_on < queues_.size() ? running_on : 0);
  std::uint64_t current = current_ ? *current_ + 1 : 0;
  visitor.field("current", current);
  current_.reset();
  if (current != 0 && current <= vcpus_.size()) {
    current_ = static_cast<std::size_t>(current - 1);
  }
  for (std::size_t i = 0; i < vcpus_.size(); ++i) {
    visitor.enter("vcpu", i);
    describe_vcpu(vcpus_[i], visitor);
    visitor.leave();
  }
  for (std::size_t i = 0; i < queues_.size(); ++i) {
    visitor.enter("queue", i);
    describe_queue(queues_[i], visitor);
    visitor.leave();
  }
}

void Host::describe_vmm(StateVisitor& visitor) {
  hal_->describe_cpus(visitor);
  // Before the VMs, which find their channels there.
  hal_->channels().describe(visitor);
  for (const Ref<VmBase>& vm : vms_) {
    visitor.enter("vm", vm->id().value);
    vm->describe(visitor);
    visitor.leave();
  }
}

void Host::describe_host(StateVisitor& visitor) {
  hal_->frames().describe(visitor);
  for (const Ref<VmBase>& vm : vms_) {
    visitor.enter("console", vm->id().value);
    hal_->console(vm->id()).describe(visitor);
    visitor.leave();
  }
  backends_->describe(visitor);
  describe_schedule(visitor);
}

std::string Host::state_hash() {
  Hasher hasher;
  SimHashVisitor of_machine(hasher);
  machine_->describe(of_machine);
  CoreHashVisitor of_core(hasher);
  describe_vmm(of_core);
  describe_host(of_core);
  return hasher.hex();
}

}  // namespace axvm::hal_sim
