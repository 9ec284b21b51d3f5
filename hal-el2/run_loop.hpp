#pragma once
// The vCPUs of the one VM: each belongs to a CPU, where it takes turns with those that do, too.

#include <array>
#include <atomic>
#include <axvm/exit.hpp>
#include <cstdint>
#include <hal-el2/hal.hpp>
#include <optional>

namespace axvm::hal_el2 {

class RunLoop {
 public:
  /// `vm` is booted: its first vCPU is on.
  RunLoop(Hal& hal, Vm& vm) noexcept : hal_(hal), vm_(vm) { vcpus_[0].on = true; }

  /// Each CPU runs its vCPUs, to the VM's end on any of them: 0 it powered off, 1 it failed, and
  /// the log says why. Errors: as run_vcpu.
  Result<unsigned> run();

 private:
  /// All but `on` is for the vCPU's CPU alone.
  struct Vcpu {
    std::atomic<bool> on = false;
    bool waiting = false;
    std::optional<std::uint64_t> wake_time;  ///< of a waiting one; now_ns()
  };
  /// What one CPU goes through.
  struct Turns {
    unsigned cpu;
    std::uint32_t last;  ///< the vCPU that ran last
  };

  /// The next one that can run, behind the one that did last.
  [[nodiscard]] std::optional<VcpuId> next(Turns& turns);
  /// Until one can run, perhaps.
  void idle(const Turns& turns);
  /// Sets EL2's timer for the end of a turn, if anybody waits for that.
  void begin_turn(const Turns& turns);
  /// Wakes those whose time has come. The boot CPU also looks at what is new outside the VM: input,
  /// time that devices have waited for.
  void poll(const Turns& turns);

  std::optional<unsigned> after(const Turns& turns, VcpuId vcpu, const ExitReason& exit);

  /// Visits the vCPUs of a CPU.
  template <class F>
  void for_each(const Turns& turns, F&& visit) {
    for (std::size_t n = turns.cpu; n < vm_.vcpu_num(); n += hal_.cpus().count()) visit(vcpus_[n]);
  }

  Hal& hal_;
  Vm& vm_;
  std::array<Vcpu, kMaxVcpus> vcpus_{};
};

}  // namespace axvm::hal_el2
