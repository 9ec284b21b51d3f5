#include <core/vm/lifecycle.hpp>
#include <optional>

namespace axvm {
namespace {

std::string_view name_of(VmStep step) noexcept {
  switch (step) {
    case VmStep::Start: return "start"sv;
    case VmStep::Pause:
    case VmStep::FinishPause: return "pause"sv;
    case VmStep::Resume: return "resume"sv;
    case VmStep::Stop:
    case VmStep::FinishStop: return "stop"sv;
    case VmStep::Prepare:
    case VmStep::FinishPrepare:
    case VmStep::AbortPrepare: return "prepare"sv;
    case VmStep::Destroy:
    case VmStep::FinishDestroy: return "destroy"sv;
  }
  return "unknown"sv;
}

std::string_view sentence(VmStatus status) noexcept {
  switch (status) {
    case VmStatus::Ready: return "the VM is ready, but has not been started"sv;
    case VmStatus::Running: return "the VM is running"sv;
    case VmStatus::Pausing: return "the VM is pausing: a vCPU is still in the guest"sv;
    case VmStatus::Paused: return "the VM is paused"sv;
    case VmStatus::Stopping: return "the VM is stopping: a vCPU is still in the guest"sv;
    case VmStatus::Stopped: return "the VM is stopped"sv;
    case VmStatus::Preparing: return "the VM is being prepared"sv;
    case VmStatus::Destroying: return "the VM is being destroyed"sv;
    case VmStatus::Destroyed: return "the VM is destroyed"sv;
  }
  return "unknown"sv;
}

std::optional<VmStatus> only(VmStatus from, VmStatus is, VmStatus then) noexcept {
  return from == is ? std::optional(then) : std::nullopt;
}

std::optional<VmStatus> at_rest(VmStatus from, VmStatus then) noexcept {
  const bool rests = from == VmStatus::Ready || from == VmStatus::Stopped;
  return rests ? std::optional(then) : std::nullopt;
}

std::optional<VmStatus> stopped_from(VmStatus from) noexcept {
  switch (from) {
    case VmStatus::Ready: return VmStatus::Stopped;
    case VmStatus::Running:
    case VmStatus::Pausing:
    case VmStatus::Paused: return VmStatus::Stopping;
    case VmStatus::Stopping:
    case VmStatus::Stopped: return from;
    default: return std::nullopt;
  }
}

std::optional<VmStatus> after(VmStatus from, VmStep step) noexcept {
  using enum VmStatus;
  switch (step) {
    case VmStep::Start: return only(from, Ready, Running);
    case VmStep::Pause: return only(from, Running, Pausing);
    case VmStep::FinishPause: return only(from, Pausing, Paused);
    case VmStep::Resume: return only(from, Paused, Running);
    case VmStep::Stop: return stopped_from(from);
    case VmStep::FinishStop: return only(from, Stopping, Stopped);
    case VmStep::Prepare: return at_rest(from, Preparing);
    case VmStep::FinishPrepare: return only(from, Preparing, Ready);
    case VmStep::AbortPrepare: return only(from, Preparing, Stopped);
    case VmStep::Destroy: return from == Destroyed ? from : at_rest(from, Destroying);
    case VmStep::FinishDestroy: return only(from, Destroying, Destroyed);
  }
  return std::nullopt;
}

}  // namespace

Result<VmStatus> next_status(VmStatus from, VmStep step) noexcept {
  const std::optional<VmStatus> to = after(from, step);
  if (!to) return fail(ErrorKind::BadState, name_of(step), sentence(from));
  return *to;
}

Result<bool> VmLifecycle::take(VmStep step) {
  const VmStatus from = status();
  const auto to = next_status(from, step);
  if (!to) return std::unexpected(to.error());
  if (*to == VmStatus::Running && from == VmStatus::Ready) {
    reason_.store(static_cast<std::uint32_t>(VmStopReason::None));
  }
  status_.store(static_cast<std::uint32_t>(*to));
  return *to != from;
}

Result<bool> VmLifecycle::stop(VmStopReason reason) {
  // First the reason: who sees the VM stopping may ask for it.
  const auto to = next_status(status(), VmStep::Stop);
  if (to && *to != status()) reason_.store(static_cast<std::uint32_t>(reason));
  return take(VmStep::Stop);
}

void VmLifecycle::describe(StateVisitor& visitor) {
  std::uint64_t status = status_.load();
  visitor.field("status"sv, status);
  status_.store(static_cast<std::uint32_t>(status));
  std::uint64_t reason = reason_.load();
  visitor.field("stop_reason"sv, reason);
  reason_.store(static_cast<std::uint32_t>(reason));
}

std::string_view to_string(VmStatus status) noexcept {
  switch (status) {
    case VmStatus::Ready: return "ready"sv;
    case VmStatus::Running: return "running"sv;
    case VmStatus::Pausing: return "pausing"sv;
    case VmStatus::Paused: return "paused"sv;
    case VmStatus::Stopping: return "stopping"sv;
    case VmStatus::Stopped: return "stopped"sv;
    case VmStatus::Preparing: return "preparing"sv;
    case VmStatus::Destroying: return "destroying"sv;
    case VmStatus::Destroyed: return "destroyed"sv;
  }
  return "unknown"sv;
}

std::string_view to_string(VmStopReason reason) noexcept {
  switch (reason) {
    case VmStopReason::None: return "none"sv;
    case VmStopReason::Clean: return "clean"sv;
    case VmStopReason::SystemDown: return "system-down"sv;
    case VmStopReason::Forced: return "forced"sv;
    case VmStopReason::Fault: return "fault"sv;
  }
  return "unknown"sv;
}

}  // namespace axvm
