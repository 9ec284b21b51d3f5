#pragma once
// When a run stops, and why it did.

#include <atomic>
#include <axvm/address.hpp>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace axvm::hal_sim {

/// Whatever comes first ends Host::run; without any condition it runs until the guests end. All
/// counts are since the machine's start. Stopping does not disturb the guest: the next run goes on
/// as if there had been no stop.
struct StopCondition {
  /// Instructions retired by all pCPUs together; exact.
  std::optional<std::uint64_t> instructions{};
  /// Guest time in nanoseconds: the first time that the clock of the pCPU whose turn it is has
  /// reached it. Later than that only by what the clock jumps (idling, catching up with others).
  std::optional<std::uint64_t> time_ns{};

  struct VcpuInstructions {
    VmId vm;
    VcpuId vcpu;
    std::uint64_t instructions = 0;
  };
  /// Instructions retired by one vCPU; exact.
  std::optional<VcpuInstructions> vcpu{};

  struct Console {
    VmId vm;
    /// Asked after each byte with all that the VM wrote; true stops before the next instruction.
    std::function<bool(std::string_view output)> matches;
  };
  std::optional<Console> console{};

  /// Set by whoever wants the run to end, at any time, in a signal handler too. Looked at between
  /// rounds: which one is the last is the only thing that two runs do not share.
  const std::atomic<bool>* interrupt = nullptr;
};

enum class StopKind : std::uint8_t {
  PoweredOff,        ///< every VM has switched itself off
  ResetRequested,    ///< a guest asked for a reset, more often than it is granted
  GuestFault,        ///< a guest did what cannot be completed
  WaitsForever,      ///< every vCPU waits for an event, and none will come
  InstructionLimit,  ///< StopCondition::instructions
  TimeReached,       ///< StopCondition::time_ns
  VcpuReached,       ///< StopCondition::vcpu
  ConsoleMatched,    ///< StopCondition::console
  Interrupted,       ///< StopCondition::interrupt
  Paused,            ///< VMs are paused, and the others have nothing to run
  EngineFailure,     ///< the engine of the guest core refused something
  HostError,         ///< the VMM could not go on (out of memory)
};

struct StopReason {
  StopKind kind = StopKind::PoweredOff;
  VmId vm;
  VcpuId vcpu;
  std::string text;  ///< one line for the user

  /// True when nothing can follow: the guests ended, well or badly.
  [[nodiscard]] bool is_final() const noexcept {
    return kind <= StopKind::WaitsForever || kind >= StopKind::EngineFailure;
  }
};

}  // namespace axvm::hal_sim
