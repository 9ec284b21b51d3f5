#include <axvm/result.hpp>
#include <core/vcpu/state_machine.hpp>

namespace axvm {

void VCpuStateMachine::describe(StateVisitor& visitor) {
  std::uint64_t state = state_.load(std::memory_order_relaxed);
  visitor.field("state"sv, state);
  state_.store(static_cast<std::uint32_t>(state), std::memory_order_relaxed);
}

std::string_view to_string(VCpuState state) noexcept {
  switch (state) {
    case VCpuState::Invalid: return "invalid"sv;
    case VCpuState::Created: return "created"sv;
    case VCpuState::Free: return "free"sv;
    case VCpuState::Ready: return "ready"sv;
    case VCpuState::Running: return "running"sv;
    case VCpuState::Blocked: return "blocked"sv;
  }
  return "unknown"sv;
}

std::string_view to_string(PowerState state) noexcept {
  switch (state) {
    case PowerState::Off: return "off"sv;
    case PowerState::OnPending: return "on-pending"sv;
    case PowerState::On: return "on"sv;
  }
  return "unknown"sv;
}

}  // namespace axvm
