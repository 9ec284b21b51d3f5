#include <algorithm>
#include <hal-el2/board.hpp>
#include <hal-el2/interrupt_controller.hpp>
#include <hal-el2/json_line.hpp>
#include <hal-el2/run_loop.hpp>
#include <hal-el2/timer.hpp>
#include <variant>

namespace axvm::hal_el2 {
namespace {

constexpr std::uint64_t kTurn = 5'000'000;  // ns
/// How long input may go unnoticed while every vCPU waits.
constexpr std::uint64_t kInputPeriod = 1'000'000;

}  // namespace

Result<unsigned> RunLoop::run() {
  for (;;) {
    const auto vcpu = next();
    if (!vcpu) {
      idle();
      continue;
    }
    begin_turn();
    const auto exit = vm_.run_vcpu(*vcpu);
    if (!exit) return std::unexpected(exit.error());
    if (const auto status = after(*vcpu, *exit)) return *status;
  }
}

std::optional<VcpuId> RunLoop::next() {
  const auto count = static_cast<std::uint32_t>(vm_.vcpu_num());
  for (std::uint32_t n = 1; n <= count; ++n) {
    const std::uint32_t id = (last_ + n) % count;
    Vcpu& vcpu = vcpus_[id];
    if (hal_.take_wake(VcpuId(id))) vcpu.waiting = false;
    if (!vcpu.on || vcpu.waiting) continue;
    last_ = id;
    return VcpuId(id);
  }
  return std::nullopt;
}

void RunLoop::idle() {
  hal_.events().flush_console();
  std::uint64_t until = now_ns() + kInputPeriod;
  for (const Vcpu& vcpu : vcpus_) {
    if (vcpu.on && vcpu.wake_time && *vcpu.wake_time < until) until = *vcpu.wake_time;
  }
  if (const auto deadline = vm_.device_deadline(); deadline && *deadline < until) until = *deadline;
  start_timer(until);
  wait_for_interrupt();
  stop_timer();
  poll(now_ns());
}

void RunLoop::poll(std::uint64_t now) {
  for (Vcpu& vcpu : vcpus_) {
    if (vcpu.wake_time && *vcpu.wake_time <= now) vcpu.waiting = false;
  }
  const auto deadline = vm_.device_deadline();
  const bool has_input = hal_.has_input();
  if (has_input || (deadline && *deadline <= now)) vm_.poll_devices();
  if (!has_input) return;
  for (Vcpu& vcpu : vcpus_) vcpu.waiting = false;  // they may poll for it between two WFI
}

void RunLoop::begin_turn() {
  std::uint64_t end = ~std::uint64_t{0};
  if (std::ranges::count_if(vcpus_, &Vcpu::on) > 1) end = now_ns() + kTurn;
  if (const auto deadline = vm_.device_deadline()) end = std::min(end, *deadline);
  if (end != ~std::uint64_t{0}) {
    start_timer(end);
  } else {
    stop_timer();
  }
}

std::optional<unsigned> RunLoop::after(VcpuId id, const ExitReason& exit) {
  Vcpu& vcpu = vcpus_[id.value];
  if (const auto* interrupt = std::get_if<exit_reason::ExternalInterrupt>(&exit)) {
    stop_timer();
    if (interrupt->id < kFirstSpecialIntid) hal_.end_irq(interrupt->id);
    poll(now_ns());
  } else if (const auto* halt = std::get_if<exit_reason::Halt>(&exit)) {
    vcpu.waiting = true;
    vcpu.wake_time = halt->wake_time;
  } else if (const auto* up = std::get_if<exit_reason::CpuUp>(&exit)) {
    vcpus_[up->started.value] = {.on = true, .waiting = false, .wake_time = {}};
  } else if (std::holds_alternative<exit_reason::CpuDown>(exit)) {
    vcpu.on = false;
  } else if (const auto* down = std::get_if<exit_reason::SystemDown>(&exit)) {
    return down->reset ? 1U : 0U;
  } else if (const auto* fault = std::get_if<exit_reason::GuestFault>(&exit)) {
    JsonLine(kConsole, "error")
        .text("operation", "run_vcpu")
        .text("detail", fault->what)
        .hex("address", fault->address.value)
        .hex("syndrome", fault->syndrome);
    return 1;
  }
  return std::nullopt;
}

}  // namespace axvm::hal_el2
