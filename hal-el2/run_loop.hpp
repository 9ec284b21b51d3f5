#pragma once
// The vCPUs of the one VM take turns on the one CPU.

#include <array>
#include <axvm/exit.hpp>
#include <cstdint>
#include <hal-el2/hal.hpp>
#include <optional>

namespace axvm::hal_el2 {

class RunLoop {
 public:
  /// `vm` is booted: its first vCPU is on.
  RunLoop(Hal& hal, Vm& vm) noexcept : hal_(hal), vm_(vm) { vcpus_[0].on = true; }

  /// Runs the VM to its end: 0 it powered off, 1 it failed, and the log says why. Errors: as
  /// run_vcpu.
  Result<unsigned> run();

 private:
  struct Vcpu {
    bool on = false;
    bool waiting = false;
    std::optional<std::uint64_t> wake_time;  ///< of a waiting one; now_ns()
  };

  /// The next one that can run, behind the one that did last.
  [[nodiscard]] std::optional<VcpuId> next();
  /// Until one can run.
  void idle();
  /// What is new outside the VM: input, time that devices have waited for.
  void poll(std::uint64_t now);
  /// Sets EL2's timer for the end of a turn, if anybody waits for that.
  void begin_turn();

  std::optional<unsigned> after(VcpuId vcpu, const ExitReason& exit);

  Hal& hal_;
  Vm& vm_;
  std::array<Vcpu, kMaxVcpus> vcpus_{};
  std::uint32_t last_ = 0;
};

}  // namespace axvm::hal_el2
