// The lives of the VMs, by their own wish or by the host's.

#include <fmt/format.h>

#include <algorithm>
#include <hal-sim/host/host.hpp>

namespace axvm::hal_sim {
namespace {

std::expected<void, std::string> as_text(const Result<>& result) {
  if (result) return {};
  return std::unexpected(fmt::format("{}: {}", std::string_view(result.error().operation),
                                     std::string_view(result.error().detail)));
}

}  // namespace

std::optional<std::size_t> Host::index_of(VmId vm) const {
  const auto found = std::ranges::find(vms_, vm, [](const Ref<VmBase>& r) { return r->id(); });
  if (found == vms_.end()) return std::nullopt;
  return static_cast<std::size_t>(found - vms_.begin());
}

std::expected<std::size_t, std::string> Host::require(VmId vm) const {
  if (const auto index = index_of(vm)) return *index;
  return std::unexpected(fmt::format("there is no VM {}", vm.value));
}

void Host::end_turn_of(std::size_t vm) {
  if (current_ && vcpus_[*current_].vm == vm) end_turn(true);
}

std::expected<void, std::string> Host::pause(VmId vm) {
  const auto index = require(vm);
  if (!index) return std::unexpected(index.error());
  const auto paused = as_text(vms_[*index]->pause());
  if (paused) end_turn_of(*index);
  return paused;
}

std::expected<void, std::string> Host::resume(VmId vm) {
  const auto index = require(vm);
  if (!index) return std::unexpected(index.error());
  return as_text(vms_[*index]->resume());
}

std::expected<void, std::string> Host::stop_vm(VmId vm) {
  const auto index = require(vm);
  if (!index) return std::unexpected(index.error());
  const auto stopped = as_text(vms_[*index]->stop(VmStopReason::Forced));
  if (stopped) end_turn_of(*index);
  return stopped;
}

std::expected<void, std::string> Host::reset(VmId vm) {
  const auto index = require(vm);
  if (!index) return std::unexpected(index.error());
  VmBase& target = *vms_[*index];
  if (const auto planned = plan_images(*index); !planned) {
    end_turn_of(*index);
    [[maybe_unused]] const auto stopped = target.stop(VmStopReason::Forced);
    return planned;
  }
  const auto load_images = [&](VmBase& self) { return load(self, *plans_[*index]); };
  end_turn_of(*index);
  if (const auto done = as_text(target.reset(load_images)); !done) return done;
  if (const auto started = as_text(target.start()); !started) return started;
  for (Vcpu& vcpu : vcpus_) {
    if (vcpu.vm != *index) continue;
    const auto status = target.vcpu_status(vcpu.id);
    vcpu.on = status && status->power == PowerState::On;
    vcpu.waiting = false;
    vcpu.not_before = std::max(vcpu.not_before, machine_->pcpu(hal_->running_on()).time());
  }
  if (final_ && final_->kind != StopKind::EngineFailure) final_.reset();
  return {};
}

std::expected<void, std::string> Host::inject_interrupt(VmId vm, VcpuId vcpu, std::uint32_t intid) {
  const auto index = require(vm);
  if (!index) return std::unexpected(index.error());
  return as_text(vms_[*index]->inject_interrupt(vcpu, intid));
}

std::expected<void, std::string> Host::plan_images(std::size_t vm) {
  if (plans_[vm]) return {};
  auto plan = plan_load(files_[vm], images_, isa_);
  if (!plan) return std::unexpected(to_string(plan.error()));
  plans_[vm] = std::move(*plan);
  return {};
}

bool Host::all_shut_down() const {
  return std::ranges::all_of(vms_, [](const Ref<VmBase>& vm) { return vm->shutting_down(); });
}

std::optional<StopReason> Host::power_off(std::size_t vm, bool reset_wanted) {
  const VmId id = vms_[vm]->id();
  if (!reset_wanted) {
    if (all_shut_down()) return stop(StopKind::PoweredOff, "powered off");
    end_turn(false);
    return std::nullopt;
  }
  if (resets_ == max_resets_) {
    const std::string again = resets_ == 0 ? "" : fmt::format(" after {} resets", resets_);
    return stop(StopKind::ResetRequested,
                fmt::format("vm{}: guest asked for reset{}", id.value, again));
  }
  ++resets_;
  if (const auto done = reset(id); !done) {
    return stop(StopKind::HostError,
                fmt::format("vm{} cannot be reset: {}", id.value, done.error()));
  }
  return std::nullopt;
}

}  // namespace axvm::hal_sim
