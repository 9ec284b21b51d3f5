#pragma once
// The states of a VM and the only ways between them (axvm/vm.hpp has the table).

#include <atomic>
#include <axvm/result.hpp>
#include <axvm/state.hpp>
#include <axvm/vm.hpp>
#include <cstdint>

namespace axvm {

/// Steps between states. An operation of the VM that others may see half done is two of them.
enum class VmStep : std::uint8_t {
  Start,          ///< Ready -> Running
  Pause,          ///< Running -> Pausing
  FinishPause,    ///< Pausing -> Paused
  Resume,         ///< Paused -> Running
  Stop,           ///< Running, Pausing, Paused -> Stopping; Ready -> Stopped
  FinishStop,     ///< Stopping -> Stopped
  Prepare,        ///< Ready, Stopped -> Preparing
  FinishPrepare,  ///< Preparing -> Ready
  AbortPrepare,   ///< Preparing -> Stopped
  Destroy,        ///< Ready, Stopped -> Destroying
  FinishDestroy,  ///< Destroying -> Destroyed
};

/// Where `step` leads from `from`, which may be `from` itself. Errors: BadState (nowhere); the
/// detail names the state.
[[nodiscard]] Result<VmStatus> next_status(VmStatus from, VmStep step) noexcept;

/// Steps are taken under the VM's lock; the status may be read at any time.
class VmLifecycle {
 public:
  /// Sequentially consistent: a CPU that marks its vCPU Running and then finds the VM Running will
  /// be seen by whoever changes the status and then looks at the vCPUs, or the reverse.
  [[nodiscard]] VmStatus status() const noexcept { return static_cast<VmStatus>(status_.load()); }
  /// Of the latest stop; None since the latest start.
  [[nodiscard]] VmStopReason stop_reason() const noexcept {
    return static_cast<VmStopReason>(reason_.load());
  }

  /// True when the status has changed. Errors: BadState, and nothing changed.
  Result<bool> take(VmStep step);
  /// As take(Stop), keeping the first reason.
  Result<bool> stop(VmStopReason reason);

  void describe(StateVisitor& visitor);

 private:
  std::atomic<std::uint32_t> status_{static_cast<std::uint32_t>(VmStatus::Ready)};
  std::atomic<std::uint32_t> reason_{static_cast<std::uint32_t>(VmStopReason::None)};
};

}  // namespace axvm
