#include <algorithm>
#include <hal-el2/interrupt_controller.hpp>
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

Result<unsigned> RunLoop::run() {
  const unsigned cpu = Cpus::current();
  Turns turns{cpu, cpu};
  for (;;) {
    hal_.cpus().serve();
    if (!vm_.running()) continue;  // another CPU ends it, and all of this
    const auto vcpu = next(turns);
    if (!vcpu) {
      idle(turns);
      continue;
    }
    begin_turn(turns);
    const auto exit = vm_.run_vcpu(*vcpu);
    if (!exit && !vm_.running()) continue;
    if (!exit) return std::unexpected(exit.error());
    if (const auto status = after(turns, *vcpu, *exit)) return *status;
  }
}

std::optional<VcpuId> RunLoop::next(Turns& turns) {
  const auto count = static_cast<std::uint32_t>(vm_.vcpu_num());
  const unsigned step = hal_.cpus().count();
  std::uint32_t id = turns.last;
  for (std::uint32_t n = turns.cpu; n < count; n += step) {
    id = id + step < count ? id + step : turns.cpu;
    Vcpu& vcpu = vcpus_[id];
    if (hal_.take_wake(VcpuId(id))) vcpu.waiting = false;
    if (!vcpu.on || vcpu.waiting) continue;
    turns.last = id;
    return VcpuId(id);
  }
  return std::nullopt;
}

void RunLoop::idle(const Turns& turns) {
  std::uint64_t until = kNever;
  if (turns.cpu == kBootCpu) {
    hal_.events().flush_console();
    until = now_ns() + kInputPeriod;
    if (const auto deadline = vm_.device_deadline()) until = std::min(until, *deadline);
  }
  for_each(turns, [&](const Vcpu& vcpu) {
    if (vcpu.on && vcpu.wake_time) until = std::min(until, *vcpu.wake_time);
  });
  if (until != kNever) start_timer(until);
  wait_for_interrupt();
  stop_timer();
  while (pending_interrupt() == kCpuIntid) end_interrupt(acknowledge_interrupt());
  poll(turns);
}

void RunLoop::poll(const Turns& turns) {
  const std::uint64_t now = now_ns();
  for_each(turns, [&](Vcpu& vcpu) {
    if (vcpu.wake_time && *vcpu.wake_time <= now) vcpu.waiting = false;
  });
  if (turns.cpu != kBootCpu) return;
  const auto deadline = vm_.device_deadline();
  const bool has_input = hal_.has_input();
  if (has_input || (deadline && *deadline <= now)) vm_.poll_devices();
  if (!has_input) return;
  // They may look for it between two WFI.
  for (std::uint32_t n = 0; n < vm_.vcpu_num(); ++n) hal_.wake(vm_.id(), VcpuId(n));
}

void RunLoop::begin_turn(const Turns& turns) {
  unsigned running = 0;
  for_each(turns, [&](const Vcpu& vcpu) { running += vcpu.on ? 1 : 0; });
  std::uint64_t end = running > 1 ? now_ns() + kTurn : kNever;
  if (turns.cpu == kBootCpu) {
    if (const auto deadline = vm_.device_deadline()) end = std::min(end, *deadline);
  }
  if (end != kNever) {
    start_timer(end);
  } else {
    stop_timer();
  }
}

std::optional<unsigned> RunLoop::after(const Turns& turns, VcpuId id, const ExitReason& exit) {
  Vcpu& vcpu = vcpus_[id.value];
  if (const auto* interrupt = std::get_if<exit_reason::ExternalInterrupt>(&exit)) {
    stop_timer();
    if (interrupt->id < kFirstSpecialIntid) hal_.end_irq(interrupt->id);
    poll(turns);
  } else if (const auto* halt = std::get_if<exit_reason::Halt>(&exit)) {
    vcpu.wake_time = halt->wake_time;
    vcpu.waiting = true;
  } else if (const auto* up = std::get_if<exit_reason::CpuUp>(&exit)) {
    vcpus_[up->started.value].on = true;
    hal_.wake(vm_.id(), up->started);
  } else if (std::holds_alternative<exit_reason::CpuDown>(exit)) {
    // Another CPU may have started it again by now: what it has set is seen by the exchange.
    vcpu.on.exchange(false);
    if (vm_.vcpu_status(id)->power == PowerState::On) vcpu.on = true;
  } else if (const auto* down = std::get_if<exit_reason::SystemDown>(&exit)) {
    return down->reset ? 1U : 0U;
  } else if (const auto* fault = std::get_if<exit_reason::GuestFault>(&exit)) {
    hal_.events().fault(*fault);
    return 1;
  }
  return std::nullopt;
}

}  // namespace axvm::hal_el2
