// Rounds and turns: which vCPU runs where, and when.

#include <algorithm>
#include <hal-sim/host/host.hpp>
#include <iterator>
#include <utility>

namespace axvm::hal_sim {

using sim::Pcpu;

namespace {

/// 292 years of guest time, which nothing reaches: a guest that sets its timer later waits for
/// ever.
constexpr std::uint64_t kEndOfTime = std::uint64_t{1} << 63;

}  // namespace

std::optional<std::uint64_t> Host::ready_at(const Vcpu& vcpu) const {
  if (!vcpu.on || !vms_[vcpu.vm]->running()) return std::nullopt;
  if (!vcpu.waiting) return vcpu.not_before;
  if (!vcpu.wake_time || *vcpu.wake_time >= kEndOfTime) return std::nullopt;
  return std::max(*vcpu.wake_time, vcpu.not_before);
}

// The earliest time at which some vCPU can run or some device wants to be polled; nothing when
// there is none. Nobody runs in the past.
std::optional<std::uint64_t> Host::next_event() const {
  std::optional<std::uint64_t> earliest;
  const auto consider = [&](std::uint64_t time) {
    if (!earliest || time < *earliest) earliest = time;
  };
  for (const Vcpu& vcpu : vcpus_) {
    if (const auto ready = ready_at(vcpu)) {
      consider(std::max(machine_->pcpu(vcpu.pcpu).time(), *ready));
    }
  }
  for (const Ref<VmBase>& vm : vms_) {
    if (!vm->running()) continue;
    const auto deadline = vm->device_deadline();
    if (deadline && *deadline < kEndOfTime) consider(*deadline);
  }
  return earliest;
}

std::uint64_t Host::latest_time() const {
  std::uint64_t latest = 0;
  for (unsigned i = 0; i < queues_.size(); ++i) {
    latest = std::max(latest, machine_->pcpu(i).time());
  }
  return latest;
}

void Host::take_input() {
  for (const Ref<VmBase>& vm : vms_) {
    if (!vm->running() || hal_->console(vm->id()).has_input()) continue;
    if (const std::string text = choices_->arriving_input(vm->id()); !text.empty()) {
      send(vm->id(), text);
    }
  }
}

// A pCPU whose clock says at least `time` is where devices are polled: they look at it.
void Host::poll_due_devices(std::uint64_t time) {
  for (std::size_t i = 0; i < vms_.size(); ++i) {
    VmBase& vm = *vms_[i];
    if (!vm.running()) continue;
    const auto deadline = vm.device_deadline();
    if (!deadline || *deadline > time) continue;
    const auto first = std::ranges::find(vcpus_, i, &Vcpu::vm);
    go_to(first->pcpu, time);
    vm.poll_devices();
  }
}

void Host::go_to(unsigned pcpu, std::uint64_t time) {
  machine_->pcpu(pcpu).skip_to(time);
  hal_->run_on(pcpu);
}

// False when nothing can happen any more.
bool Host::begin_round() {
  take_input();
  std::optional<std::uint64_t> earliest = next_event();
  if (earliest && can_migrate_ && choices_->migrate(rounds_)) {
    migrate();
    earliest = next_event();
  }
  const bool is_running = std::ranges::any_of(vms_, [](const auto& vm) { return vm->running(); });
  const std::uint64_t now = latest_time();
  const std::uint64_t until = earliest.value_or(Choices::kForever);
  if (until > now && is_running) {
    const std::uint64_t end = choices_->idle(now, until);
    if (end < until) {
      go_to(0, std::max(now, end));
      take_input();
      earliest = std::max(now, end);
    }
  }
  if (!earliest) return false;
  begin_round(*earliest);
  return true;
}

void Host::begin_round(std::uint64_t earliest) {
  ++rounds_;
  // A round that everybody has slept through need not be lived to its end.
  round_begin_ = round_was_used_ ? std::max(round_end_, earliest) : earliest;
  round_end_ = round_begin_ + std::max<std::uint64_t>(1, choices_->round_length(round_begin_));
  round_was_used_ = false;
  next_pcpu_ = 0;
  poll_due_devices(round_begin_);
}

void Host::begin_turn() {
  Pcpu& pcpu = machine_->pcpu(next_pcpu_);
  if (pcpu.time() >= round_end_) return;
  std::vector<std::size_t> candidates;
  auto& queue = queues_[next_pcpu_];
  std::ranges::copy_if(queue, std::back_inserter(candidates), [this](std::size_t i) {
    const auto ready = ready_at(vcpus_[i]);
    return ready && *ready < round_end_ && vcpus_[i].last_round != rounds_;
  });
  if (candidates.empty()) return;
  std::size_t pick = 0;
  if (candidates.size() > 1) {
    pick = choices_->next_vcpu(PcpuId(next_pcpu_), candidates.size());
    pick = std::min(pick, candidates.size() - 1);
  }
  Vcpu& vcpu = vcpus_[candidates[pick]];
  pcpu.skip_to(std::max(round_begin_, *ready_at(vcpu)));
  vcpu.waiting = false;
  vcpu.last_round = rounds_;
  // To the end of the queue: the others have waited longer.
  std::erase(queue, candidates[pick]);
  queue.push_back(candidates[pick]);
  current_ = candidates[pick];
  pcpu.set_turn_end(round_end_);
}

void Host::end_turn(bool used) {
  current_.reset();
  round_was_used_ = round_was_used_ || used;
}

std::optional<StopReason> Host::turn() {
  if (!current_) {
    if (next_pcpu_ >= queues_.size()) {
      if (until_->interrupt != nullptr && until_->interrupt->load(std::memory_order_relaxed)) {
        return stop(StopKind::Interrupted, "interrupted");
      }
      deliver_frames();
      if (!begin_round()) return nothing_to_run();
    }
    begin_turn();
    if (!current_) {
      ++next_pcpu_;
      return std::nullopt;
    }
  }
  return run_current();
}

StopReason Host::nothing_to_run() const {
  if (all_shut_down()) return stop(StopKind::PoweredOff, "powered off");
  const auto is_paused = [](const Ref<VmBase>& vm) { return vm->status() == VmStatus::Paused; };
  if (std::ranges::any_of(vms_, is_paused)) {
    return stop(StopKind::Paused, "paused: no VM that is not has anything to run");
  }
  return stop(StopKind::WaitsForever,
              "guest waits forever: every vCPU waits for an event and none can come");
}

void Host::migrate() {
  const auto pcpus = static_cast<unsigned>(queues_.size());
  for (std::size_t i = 0; i < vcpus_.size(); ++i) {
    Vcpu& vcpu = vcpus_[i];
    unsigned to = vcpu.pcpu;
    do {
      to = (to + 1) % pcpus;
    } while ((vcpu.affinity_mask >> to & 1) == 0);
    if (to == vcpu.pcpu) continue;
    // Its time goes on where it goes on.
    vcpu.not_before = std::max(vcpu.not_before, machine_->pcpu(vcpu.pcpu).time());
    std::erase(queues_[vcpu.pcpu], i);
    queues_[to].push_back(i);
    vcpu.pcpu = to;
  }
  // Who has waited longest comes first, wherever that was.
  for (auto& queue : queues_) {
    std::ranges::sort(queue, {},
                      [this](std::size_t i) { return std::pair(vcpus_[i].last_round, i); });
  }
}

void Host::wake(VmId vm, VcpuId id) {
  for (Vcpu& vcpu : vcpus_) {
    if (!vcpu.waiting || vcpu.id != id || vms_[vcpu.vm]->id() != vm) continue;
    vcpu.waiting = false;
    // Not before whoever wakes it has done so.
    vcpu.not_before = std::max(vcpu.not_before, machine_->pcpu(hal_->running_on()).time());
  }
  if (final_ && final_->kind == StopKind::WaitsForever) final_.reset();
}

}  // namespace axvm::hal_sim
