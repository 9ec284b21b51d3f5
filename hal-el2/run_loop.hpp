#pragma once
// The vCPUs of all VMs: each belongs to a CPU, where it takes turns with those that do, too.

#include <array>
#include <atomic>
#include <axvm/exit.hpp>
#include <axvm/vm.hpp>
#include <cstddef>
#include <cstdint>
#include <hal-el2/guest.hpp>
#include <hal-el2/hal.hpp>
#include <optional>

namespace axvm::hal_el2 {

class RunLoop {
 public:
  explicit RunLoop(Hal& hal) noexcept : hal_(hal) {}
  /// A VM that is booted: its first vCPU is on. In the order of kGuests, before anything runs.
  void add(Vm& vm) noexcept;

  /// Each CPU runs its vCPUs, to the end: 0 when every VM has powered off; 1 as soon as one has
  /// failed, and the log says why. Errors: as run_vcpu and reset.
  Result<unsigned> run();

 private:
  /// What is not constant is for the vCPU's CPU alone.
  struct Vcpu {
    Vm* vm = nullptr;
    VcpuId id;
    bool waiting = false;
    std::optional<std::uint64_t> wake_time{};  ///< of a waiting one; now_ns()

    /// Whether its VM would run it. Any other CPU may change that at any time.
    [[nodiscard]] bool can_run() const {
      const auto status = vm->vcpu_status(id);
      return vm->running() && status && status->power == PowerState::On;
    }
  };
  /// What one CPU goes through.
  struct Turns {
    unsigned cpu;
    unsigned last;                           ///< the vCPU that ran last
    std::optional<std::uint64_t> show_at{};  ///< when lines that guests have begun are shown
  };

  /// The next one that can run, behind the one that did last.
  [[nodiscard]] Vcpu* next(Turns& turns);
  /// Until one can run, perhaps.
  void idle(const Turns& turns);
  /// Sets EL2's timer for the end of a turn, if anybody waits for that.
  void begin_turn(Turns& turns);
  /// Shows what guests have written, and wakes those whose time has come. The boot CPU also looks
  /// at what is new outside the VMs: input, frames, time that devices have waited for.
  void poll(const Turns& turns);
  void poll(Vm& vm, std::uint64_t now, bool has_input, bool has_frames);

  /// The run's status, if it ends.
  Result<std::optional<unsigned>> after(const Turns& turns, Vcpu& vcpu, const ExitReason& exit);
  std::optional<unsigned> powered_off(const Vm& vm);
  /// Begins a VM anew.
  Result<std::optional<unsigned>> reset(Vm& vm);
  /// When the first device of any VM wants to be polled.
  [[nodiscard]] std::uint64_t device_deadline() const;

  /// Visits the vCPUs of a CPU.
  template <class F>
  void for_each(const Turns& turns, F&& visit) {
    for (unsigned n = 0; n < count_; ++n) {
      if (hal_.guest_cpus().cpu_of(n) == turns.cpu) visit(vcpus_[n]);
    }
  }

  Hal& hal_;
  std::array<Vm*, kMaxVms> vms_{};
  std::size_t vm_count_ = 0;
  // VMs, one bit each.
  std::atomic<std::uint32_t> down_ = 0;  ///< go down: what the first vCPU asked for is done
  std::atomic<std::uint32_t> off_ = 0;   ///< have powered off
  std::atomic<std::uint64_t> resets_ = 0;
  std::array<Vcpu, kMaxGuestCpus> vcpus_{};  ///< as GuestCpus numbers them
  unsigned count_ = 0;
};

}  // namespace axvm::hal_el2
