#pragma once
// The states of a vCPU and the only ways between them.

#include <atomic>
#include <axvm/result.hpp>
#include <axvm/state.hpp>
#include <axvm/vcpu.hpp>
#include <cstdint>

namespace axvm {

/// Transitions are atomic: of two CPUs that bind one vCPU, one gets it and the other an error.
/// Every transition from a wrong state is BadState and changes nothing. All accesses are
/// sequentially consistent, for the sake of VmLifecycle::status().
class VCpuStateMachine {
 public:
  [[nodiscard]] VCpuState state() const noexcept { return static_cast<VCpuState>(state_.load()); }

  /// Created -> Free.
  Result<> setup() { return move("setup"sv, VCpuState::Created, VCpuState::Free); }
  /// Free -> Ready.
  Result<> bind() { return move("bind"sv, VCpuState::Free, VCpuState::Ready); }
  /// Ready -> Running.
  Result<> enter() { return move("run"sv, VCpuState::Ready, VCpuState::Running); }
  /// Running -> Ready.
  Result<> leave() { return move("leave"sv, VCpuState::Running, VCpuState::Ready); }
  /// Ready -> Free.
  Result<> unbind() { return move("unbind"sv, VCpuState::Ready, VCpuState::Free); }
  /// Free -> Blocked.
  Result<> block() { return move("block"sv, VCpuState::Free, VCpuState::Blocked); }
  /// Blocked -> Free.
  Result<> unblock() { return move("unblock"sv, VCpuState::Blocked, VCpuState::Free); }
  /// Free -> Ready -> Running in one step.
  Result<> acquire() { return move("run"sv, VCpuState::Free, VCpuState::Running); }
  /// Running -> Ready -> Free in one step, for the one who made it Running.
  void release() noexcept { store(VCpuState::Free); }
  /// Any state -> Invalid, for good.
  void invalidate() noexcept { store(VCpuState::Invalid); }

  void describe(StateVisitor& visitor);

 private:
  Result<> move(std::string_view operation, VCpuState from, VCpuState to) {
    auto expected = static_cast<std::uint32_t>(from);
    if (state_.compare_exchange_strong(expected, static_cast<std::uint32_t>(to))) {
      return {};
    }
    return fail(ErrorKind::BadState, operation, "the vCPU is in another state"sv);
  }
  void store(VCpuState state) noexcept { state_.store(static_cast<std::uint32_t>(state)); }

  std::atomic<std::uint32_t> state_{static_cast<std::uint32_t>(VCpuState::Created)};
};

/// Holds a vCPU in state Running for the length of a scope, and leaves it Free whatever happens.
class VCpuBinding {
 public:
  /// Errors: BadState (the vCPU is not Free).
  [[nodiscard]] static Result<VCpuBinding> bind(VCpuStateMachine& state) {
    if (auto acquired = state.acquire(); !acquired) return std::unexpected(acquired.error());
    return VCpuBinding(state);
  }
  VCpuBinding(VCpuBinding&& other) noexcept : state_(other.state_) { other.state_ = nullptr; }
  VCpuBinding& operator=(VCpuBinding&&) = delete;
  ~VCpuBinding() {
    if (state_ != nullptr) state_->release();
  }

 private:
  explicit VCpuBinding(VCpuStateMachine& state) noexcept : state_(&state) {}
  VCpuStateMachine* state_;
};

}  // namespace axvm
