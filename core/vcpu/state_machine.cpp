#include <core/vcpu/state_machine.hpp>

namespace axvm {

Result<> VCpuStateMachine::move(std::string_view operation, VCpuState from, VCpuState to) {
  auto expected = static_cast<std::uint32_t>(from);
  if (state_.compare_exchange_strong(expected, static_cast<std::uint32_t>(to),
                                     std::memory_order_acq_rel)) {
    return {};
  }
  return fail(ErrorKind::BadState, operation, "the vCPU is in another state");
}

void VCpuStateMachine::describe(StateVisitor& visitor) {
  std::uint64_t state = state_.load(std::memory_order_relaxed);
  visitor.field("state", state);
  state_.store(static_cast<std::uint32_t>(state), std::memory_order_relaxed);
}

std::string_view to_string(VCpuState state) noexcept {
  switch (state) {
    case VCpuState::Invalid: return "invalid";
    case VCpuState::Created: return "created";
    case VCpuState::Free: return "free";
    case VCpuState::Ready: return "ready";
    case VCpuState::Running: return "running";
    case VCpuState::Blocked: return "blocked";
  }
  return "unknown";
}

std::string_view to_string(PowerState state) noexcept {
  switch (state) {
    case PowerState::Off: return "off";
    case PowerState::OnPending: return "on-pending";
    case PowerState::On: return "on";
  }
  return "unknown";
}

}  // namespace axvm
