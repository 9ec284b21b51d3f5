#include <algorithm>
#include <hal-el2/interrupt_controller.hpp>
#include <hal-el2/load.hpp>
#include <hal-el2/run_loop.hpp>
#include <hal-el2/timer.hpp>
#include <variant>

namespace axvm::hal_el2 {
namespace {

constexpr std::uint64_t kTurn = 5'000'000;  // ns
/// How long input may go unnoticed while the boot CPU sleeps.
constexpr std::uint64_t kInputPeriod = 1'000'000;
constexpr std::uint64_t kNever = ~std::uint64_t{0};
constexpr unsigned kBootCpu = 0;

}  // namespace

void RunLoop::add(Vm& vm) noexcept {
  vms_[vm_count_++] = &vm;
  for (std::uint32_t n = 0; n < vm.vcpu_num(); ++n) {
    Vcpu& vcpu = vcpus_[count_++];
    vcpu.vm = &vm;
    vcpu.id = VcpuId(n);
  }
}

Result<unsigned> RunLoop::run() {
  const unsigned cpu = Cpus::current();
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

RunLoop::Vcpu* RunLoop::next(Turns& turns) {
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

void RunLoop::idle(const Turns& turns) {
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
  while (pending_interrupt() == kCpuIntid) end_interrupt(acknowledge_interrupt());
  poll(turns);
}

void RunLoop::poll(const Turns& turns) {
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

void RunLoop::poll(Vm& vm, std::uint64_t now, bool has_input, bool has_frames) {
  if (!vm.running()) return;
  const auto deadline = vm.device_deadline();
  if (has_input || has_frames || (deadline && *deadline <= now)) vm.poll_devices();
  if (!has_input) return;
  // They may look for it between two WFI.
  for (std::uint32_t n = 0; n < vm.vcpu_num(); ++n) hal_.wake(vm.id(), VcpuId(n));
}

void RunLoop::begin_turn(Turns& turns) {
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

std::uint64_t RunLoop::device_deadline() const {
  std::uint64_t first = kNever;
  for (std::size_t i = 0; i < vm_count_; ++i) {
    if (!vms_[i]->running()) continue;
    if (const auto deadline = vms_[i]->device_deadline()) first = std::min(first, *deadline);
  }
  return first;
}

std::optional<unsigned> RunLoop::powered_off(const Vm& vm) {
  const std::uint32_t bit = 1U << hal_.guest_cpus().vm_index(vm.id());
  const std::uint32_t off = off_.fetch_or(bit, std::memory_order_acq_rel) | bit;
  if (off == (1U << vm_count_) - 1) return 0;
  return std::nullopt;
}

Result<std::optional<unsigned>> RunLoop::reset(Vm& vm) {
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

Result<std::optional<unsigned>> RunLoop::after(const Turns& turns, Vcpu& vcpu,
                                               const ExitReason& exit) {
  if (const auto* interrupt = std::get_if<exit_reason::ExternalInterrupt>(&exit)) {
    stop_timer();
    if (interrupt->id < kFirstSpecialIntid) hal_.end_irq(interrupt->id);
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

}  // namespace axvm::hal_el2
