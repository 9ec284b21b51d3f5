#pragma once
// The vCPUs of all VMs: each belongs to a CPU, where it takes turns with those that do, too.

#include <algorithm>
#include <array>
#include <atomic>
#include <axvm/exit.hpp>
#include <axvm/vm.hpp>
#include <core/vm/axvm.hpp>
#include <cstddef>
#include <cstdint>
#include <hal-metal/guest.hpp>
#include <hal-metal/hal.hpp>
#include <hal-metal/load.hpp>
#include <hal-metal/platform.hpp>
#include <optional>
#include <variant>

namespace axvm::hal_metal {

/// `Cpu` is as in Cpus.
template <class Cpu>
class RunLoop {
 public:
  using Hal = hal_metal::Hal<Cpu>;
  using Vm = AxVM<Hal, Cpu>;

  explicit RunLoop(Hal& hal) noexcept : hal_(hal) {}
  /// A VM that is booted: its first vCPU is on. In the order of kGuests, before anything runs.
  void add(Vm& vm) noexcept;

  /// Each CPU runs its vCPUs, to the end: 0 when every VM has powered off; 1 as soon as one has
  /// failed, and the log says why. Errors: as run_vcpu and reset.
  Result<unsigned> run();

 private:
  /// Length of a turn, in nanoseconds.
  static constexpr std::uint64_t kTurn = 5'000'000;
  /// How long input may go unnoticed while the boot CPU sleeps.
  static constexpr std::uint64_t kInputPeriod = 1'000'000;
  static constexpr std::uint64_t kNever = ~std::uint64_t{0};

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
  /// Sets the timer for the end of a turn, if anybody waits for that.
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

template <class Cpu>
void RunLoop<Cpu>::add(Vm& vm) noexcept {
  vms_[vm_count_++] = &vm;
  for (std::uint32_t n = 0; n < vm.vcpu_num(); ++n) {
    Vcpu& vcpu = vcpus_[count_++];
    vcpu.vm = &vm;
    vcpu.id = VcpuId(n);
  }
}

template <class Cpu>
Result<unsigned> RunLoop<Cpu>::run() {
  const unsigned cpu = current_cpu();
  Turns turns{cpu, 0};
  for (;;) {
    hal_.cpus().serve();
    Vcpu* const vcpu = next(turns);
    if (vcpu == nullptr) {
      idle(turns);
      continue;
    }
    begin_turn(turns);
    const auto exit = vcpu->vm->run_vcpu(vcpu->id);
    if (!exit && !vcpu->can_run()) continue;  // another CPU has ended its VM
    if (!exit) return std::unexpected(exit.error());
    const auto status = after(turns, *vcpu, *exit);
    if (!status) return std::unexpected(status.error());
    if (*status) return **status;
  }
}

template <class Cpu>
typename RunLoop<Cpu>::Vcpu* RunLoop<Cpu>::next(Turns& turns) {
  for (unsigned step = 1; step <= count_; ++step) {
    const unsigned n = (turns.last + step) % count_;
    if (hal_.guest_cpus().cpu_of(n) != turns.cpu) continue;
    Vcpu& vcpu = vcpus_[n];
    if (hal_.guest_cpus().take_wake(n)) vcpu.waiting = false;
    if (vcpu.waiting || !vcpu.can_run()) continue;
    turns.last = n;
    return &vcpu;
  }
  return nullptr;
}

template <class Cpu>
void RunLoop<Cpu>::idle(const Turns& turns) {
  hal_.events().flush_consoles();
  std::uint64_t until = kNever;
  if (turns.cpu == kBootCpu) {
    until = std::min(now_ns() + kInputPeriod, device_deadline());
  }
  for_each(turns, [&](const Vcpu& vcpu) {
    if (vcpu.wake_time && vcpu.can_run()) until = std::min(until, *vcpu.wake_time);
  });
  if (until != kNever) start_timer(until);
  wait_for_interrupt();
  stop_timer();
  end_cpu_interrupts();
  poll(turns);
}

template <class Cpu>
void RunLoop<Cpu>::poll(const Turns& turns) {
  const std::uint64_t now = now_ns();
  hal_.events().flush_consoles();
  for_each(turns, [&](Vcpu& vcpu) {
    if (vcpu.wake_time && *vcpu.wake_time <= now) vcpu.waiting = false;
  });
  if (turns.cpu != kBootCpu) return;
  const std::uint32_t with_frames = hal_.network().take_news();
  for (std::size_t i = 0; i < vm_count_; ++i) {
    // What is typed is for the first VM.
    poll(*vms_[i], now, i == 0 && hal_.has_input(), (with_frames >> i & 1) != 0);
  }
}

template <class Cpu>
void RunLoop<Cpu>::poll(Vm& vm, std::uint64_t now, bool has_input, bool has_frames) {
  if (!vm.running()) return;
  const auto deadline = vm.device_deadline();
  if (has_input || has_frames || (deadline && *deadline <= now)) vm.poll_devices();
  if (!has_input) return;
  // They may look for it between two WFI.
  for (std::uint32_t n = 0; n < vm.vcpu_num(); ++n) hal_.wake(vm.id(), VcpuId(n));
}

template <class Cpu>
void RunLoop<Cpu>::begin_turn(Turns& turns) {
  const std::uint64_t now = now_ns();
  unsigned running = 0;
  for_each(turns, [&](const Vcpu& vcpu) { running += vcpu.can_run() ? 1 : 0; });
  // The boot CPU looks after the devices of all: others set deadlines meanwhile.
  const bool others = turns.cpu == kBootCpu && count_ > 1;
  std::uint64_t end = running > 1 || others ? now + kTurn : kNever;
  if (turns.cpu == kBootCpu) end = std::min(end, device_deadline());
  if (turns.show_at && *turns.show_at <= now) hal_.events().flush_consoles();
  if (!hal_.events().has_begun_lines()) {
    turns.show_at.reset();
  } else if (!turns.show_at || *turns.show_at <= now) {
    turns.show_at = now + Hal::kShownWithin;
  }
  end = std::min(end, turns.show_at.value_or(kNever));
  if (end != kNever) {
    start_timer(end);
  } else {
    stop_timer();
  }
}

template <class Cpu>
std::uint64_t RunLoop<Cpu>::device_deadline() const {
  std::uint64_t first = kNever;
  for (std::size_t i = 0; i < vm_count_; ++i) {
    if (!vms_[i]->running()) continue;
    if (const auto deadline = vms_[i]->device_deadline()) first = std::min(first, *deadline);
  }
  return first;
}

template <class Cpu>
std::optional<unsigned> RunLoop<Cpu>::powered_off(const Vm& vm) {
  const std::uint32_t bit = 1U << hal_.guest_cpus().vm_index(vm.id());
  const std::uint32_t off = off_.fetch_or(bit, std::memory_order_acq_rel) | bit;
  if (off == (1U << vm_count_) - 1) return 0;
  return std::nullopt;
}

template <class Cpu>
Result<std::optional<unsigned>> RunLoop<Cpu>::reset(Vm& vm) {
  const std::size_t index = hal_.guest_cpus().vm_index(vm.id());
  if (resets_.fetch_add(1, std::memory_order_relaxed) >= kMaxResets) return 1;
  const auto load_images = [&](VmBase& self) { return load(self, kGuests[index]); };
  auto done = vm.reset(load_images);
  while (!done && done.error().kind == ErrorKind::BadState) {  // a vCPU is still in its guest
    hal_.cpus().serve();
    done = vm.reset(load_images);
  }
  if (!done) return std::unexpected(done.error());
  // Whoever has run one of its vCPUs has seen that it is stopped before it runs again.
  for (unsigned cpu = 0; cpu < hal_.cpus().count(); ++cpu) {
    hal_.cpus().call_on(cpu, [&] {
      for_each({cpu, 0}, [&](Vcpu& vcpu) {
        if (vcpu.vm != &vm) return;
        vcpu.waiting = false;
        vcpu.wake_time.reset();
      });
    });
  }
  down_.fetch_and(~(1U << index), std::memory_order_acq_rel);
  if (auto started = vm.start(); !started) return std::unexpected(started.error());
  hal_.wake(vm.id(), VcpuId(0));
  return std::nullopt;
}

template <class Cpu>
Result<std::optional<unsigned>> RunLoop<Cpu>::after(const Turns& turns, Vcpu& vcpu,
                                                    const ExitReason& exit) {
  if (const auto* interrupt = std::get_if<exit_reason::ExternalInterrupt>(&exit)) {
    stop_timer();
    if (interrupt->id < kFirstNoInterrupt) hal_.end_irq(interrupt->id);
    poll(turns);
  } else if (const auto* halt = std::get_if<exit_reason::Halt>(&exit)) {
    vcpu.wake_time = halt->wake_time;
    vcpu.waiting = true;
  } else if (const auto* up = std::get_if<exit_reason::CpuUp>(&exit)) {
    hal_.wake(vcpu.vm->id(), up->started);
  } else if (const auto* down = std::get_if<exit_reason::SystemDown>(&exit)) {
    const std::uint32_t bit = 1U << hal_.guest_cpus().vm_index(vcpu.vm->id());
    if ((down_.fetch_or(bit, std::memory_order_acq_rel) & bit) != 0) return std::nullopt;
    if (down->reset) return reset(*vcpu.vm);
    return powered_off(*vcpu.vm);
  } else if (const auto* fault = std::get_if<exit_reason::GuestFault>(&exit)) {
    hal_.events().fault(vcpu.vm->id(), vcpu.id, *fault);
    return 1;
  }
  return std::nullopt;
}

}  // namespace axvm::hal_metal
