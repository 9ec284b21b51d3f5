#include <fmt/format.h>

#include <algorithm>
#include <hal-sim/host/host.hpp>

namespace axvm::hal_sim {

using sim::Pcpu;

StopReason Host::run(const StopCondition& until) {
  if (final_) return *final_;
  until_ = &until;
  console_matched_ = false;
  if (until.console) {
    ConsolePort& port = hal_->console(until.console->vm);
    console_matched_ = until.console->matches(port.output());
    port.listen([this, &port](char) {
      if (console_matched_ || !until_->console->matches(port.output())) return;
      console_matched_ = true;
      Pcpu& pcpu = machine_->pcpu(hal_->running_on());
      pcpu.set_instruction_limit(pcpu.instructions());
    });
  }
  std::optional<StopReason> reason = condition_met();
  while (!reason) reason = turn();
  if (until.console) hal_->console(until.console->vm).listen({});
  until_ = nullptr;
  if (reason->is_final()) final_ = reason;
  return *reason;
}

std::optional<StopReason> Host::run_current() {
  Vcpu& vcpu = vcpus_[*current_];
  Pcpu& pcpu = machine_->pcpu(vcpu.pcpu);
  hal_->run_on(vcpu.pcpu);
  const std::uint64_t before = pcpu.instructions();
  pcpu.set_instruction_limit(instruction_limit());
  const Result<ExitReason> exit = vms_[vcpu.vm]->run_vcpu(vcpu.id);
  vcpu.instructions += pcpu.instructions() - before;
  if (pcpu.guest_is_stuck()) {
    return stop(StopKind::GuestFault,
                fmt::format("vm{} vcpu{} failed: {}", vms_[vcpu.vm]->id().value, vcpu.id.value,
                            pcpu.failure()));
  }
  if (!pcpu.failure().empty()) return stop(StopKind::EngineFailure, pcpu.failure());
  if (!exit) {
    return stop(StopKind::HostError, fmt::format("{}: {}", std::string_view(exit.error().operation),
                                                 std::string_view(exit.error().detail)));
  }
  std::optional<StopReason> reason = after_exit(*exit);
  if (!reason) reason = condition_met();
  return reason;
}

// --- conditions --------------------------------------------------------------------------------

std::uint64_t Host::total_instructions() const {
  std::uint64_t total = 0;
  for (unsigned i = 0; i < queues_.size(); ++i) total += machine_->pcpu(i).instructions();
  return total;
}

// How far the current vCPU's pCPU may go before a condition is met.
std::uint64_t Host::instruction_limit() const {
  const Vcpu& vcpu = vcpus_[*current_];
  const Pcpu& pcpu = machine_->pcpu(vcpu.pcpu);
  std::uint64_t left = Pcpu::kNever;
  if (until_->instructions) left = room(*until_->instructions, total_instructions());
  if (until_->time_ns) left = std::min(left, room(*until_->time_ns, pcpu.time()));
  if (until_->vcpu && vms_[vcpu.vm]->id() == until_->vcpu->vm && vcpu.id == until_->vcpu->vcpu) {
    left = std::min(left, room(until_->vcpu->instructions, vcpu.instructions));
  }
  const std::uint64_t now = pcpu.instructions();
  return left > Pcpu::kNever - now ? Pcpu::kNever : now + left;
}

std::optional<StopReason> Host::condition_met() const {
  if (console_matched_) return stop(StopKind::ConsoleMatched, "the console's output matched");
  if (until_->vcpu &&
      instructions_of(until_->vcpu->vm, until_->vcpu->vcpu) >= until_->vcpu->instructions) {
    return stop(StopKind::VcpuReached, "the vCPU's instruction was reached");
  }
  if (until_->instructions && total_instructions() >= *until_->instructions) {
    return stop(StopKind::InstructionLimit,
                fmt::format("limit of {} instructions reached", *until_->instructions));
  }
  if (until_->time_ns && current_ &&
      machine_->pcpu(vcpus_[*current_].pcpu).time() >= *until_->time_ns) {
    return stop(StopKind::TimeReached,
                fmt::format("guest time of {} ns reached", *until_->time_ns));
  }
  return std::nullopt;
}

StopReason Host::stop(StopKind kind, std::string text) const {
  StopReason reason{.kind = kind, .vm = {}, .vcpu = {}, .text = std::move(text)};
  if (current_) {
    reason.vm = vms_[vcpus_[*current_].vm]->id();
    reason.vcpu = vcpus_[*current_].id;
  }
  return reason;
}

// --- what ends a turn --------------------------------------------------------------------------

std::optional<StopReason> Host::after_exit(const ExitReason& reason) {
  Vcpu& vcpu = vcpus_[*current_];
  const Pcpu& pcpu = machine_->pcpu(vcpu.pcpu);
  if (std::holds_alternative<exit_reason::ExternalInterrupt>(reason)) {
    // Stopped inside a turn: it goes on when the next run begins.
    if (!pcpu.stopped_at_limit()) end_turn(true);
    return std::nullopt;
  }
  if (const auto* halt = std::get_if<exit_reason::Halt>(&reason)) {
    // Input may have arrived since the guest looked last.
    vcpu.waiting = !vcpu.nudged;
    vcpu.nudged = false;
    vcpu.wake_time = halt->wake_time;
    end_turn(!vcpu.waiting);
  } else if (std::holds_alternative<exit_reason::Yield>(reason)) {
    end_turn(true);
  } else if (const auto* up = std::get_if<exit_reason::CpuUp>(&reason)) {
    for (Vcpu& other : vcpus_) {
      if (other.vm != vcpu.vm || other.id != up->started) continue;
      other.on = true;
      other.waiting = false;
      other.not_before = pcpu.time();
    }
  } else if (std::holds_alternative<exit_reason::CpuDown>(reason)) {
    vcpu.on = false;
    end_turn(false);
  } else if (const auto* down = std::get_if<exit_reason::SystemDown>(&reason)) {
    return power_off(vcpu.vm, down->reset);
  } else if (const auto* fault = std::get_if<exit_reason::GuestFault>(&reason)) {
    return stop(StopKind::GuestFault,
                fmt::format("vm{} vcpu{} failed at pc {:#x}: {} ({} {:#x}, syndrome {:#x})",
                            vms_[vcpu.vm]->id().value, vcpu.id.value, pcpu.pc(), fault->what,
                            fault->is_write ? "write to" : "access to", fault->address.value,
                            fault->syndrome));
  }
  // What remains, an unknown hypercall, was answered by the core: the turn goes on.
  return std::nullopt;
}

bool Host::load_registers(VmId vm, VcpuId vcpu) {
  const Vcpu* found = find(vm, vcpu);
  if (found == nullptr || !found->on) return false;
  Pcpu& pcpu = machine_->pcpu(found->pcpu);
  hal_->run_on(found->pcpu);
  pcpu.set_instruction_limit(pcpu.instructions());
  return vms_[found->vm]->run_vcpu(vcpu).has_value();
}

void Host::send(VmId vm, std::string_view text) {
  hal_->console(vm).send(text);
  if (const auto index = index_of(vm)) vms_[*index]->poll_devices();
  for (Vcpu& vcpu : vcpus_) {
    if (vms_[vcpu.vm]->id() != vm) continue;
    vcpu.nudged = !vcpu.waiting;
    wake(vm, vcpu.id);
  }
}

// --- looking at it -----------------------------------------------------------------------------

const Host::Vcpu* Host::find(VmId vm, VcpuId vcpu) const {
  for (const Vcpu& candidate : vcpus_) {
    if (vms_[candidate.vm]->id() == vm && candidate.id == vcpu) return &candidate;
  }
  return nullptr;
}

std::optional<unsigned> Host::pcpu_of(VmId vm, VcpuId vcpu) const {
  const Vcpu* found = find(vm, vcpu);
  return found == nullptr ? std::nullopt : std::optional(found->pcpu);
}

std::uint64_t Host::instructions_of(VmId vm, VcpuId vcpu) const {
  const Vcpu* found = find(vm, vcpu);
  return found == nullptr ? 0 : found->instructions;
}

std::optional<std::uint32_t> Host::instruction_at(unsigned pcpu, std::uint64_t va) const {
  return pcpu < queues_.size() ? hal_->instruction_at(pcpu, va) : std::nullopt;
}

RunStatistics Host::statistics() const {
  RunStatistics sum;
  sum.isa = isa_;
  sum.unmaintained_pc = unmaintained_pc_;
  if (exit_meter_ != nullptr) {
    sum.exit_costs = exit_meter_->rows();
    sum.interface_cycles = exit_meter_->prices().costs().interface_access;
  }
  for (unsigned i = 0; i < queues_.size(); ++i) {
    const Pcpu& pcpu = machine_->pcpu(i);
    const sim::Statistics& s = pcpu.statistics();
    sum.instructions += pcpu.instructions();
    sum.time_ns = std::max(sum.time_ns, pcpu.time());
    sum.machine.tlb_hits += s.tlb_hits;
    sum.machine.tlb_misses += s.tlb_misses;
    sum.machine.tlb_evictions += s.tlb_evictions;
    sum.machine.walks += s.walks;
    sum.machine.stage1_references += s.stage1_references;
    sum.machine.stage2_references += s.stage2_references;
    sum.machine.traps_to_el1 += s.traps_to_el1;
    sum.machine.traps_to_el2 += s.traps_to_el2;
    sum.machine.interface_accesses += s.interface_accesses;
    sum.machine.unmaintained_lines += s.unmaintained_lines;
    sum.machine.cycles += s.cycles;
    for (std::size_t c = 0; c < sum.exits.by_class.size(); ++c) {
      sum.exits.by_class[c] += hal_->exits(i).by_class[c];
    }
  }
  return sum;
}

}  // namespace axvm::hal_sim
