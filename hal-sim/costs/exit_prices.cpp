#include <algorithm>
#include <hal-sim/costs/exit_prices.hpp>

namespace axvm::hal_sim {
namespace {

struct KindOf {
  const ExitPrices& prices;
  const TrapText& traps;
  bool by_process;

  ExitKind operator()(const TrapTaken& trap) const { return prices.kind_of(trap); }
  ExitKind operator()(const DeviceAccess& access) const {
    if (access.bus != Bus::Mmio) {
      return traps.sends_interrupt(access) ? ExitKind::InterruptSent : ExitKind::Register;
    }
    return by_process ? ExitKind::ProcessDevice : ExitKind::Device;
  }
  ExitKind operator()(const FirmwareCall& call) const {
    return traps.sends_interrupt(call) ? ExitKind::InterruptSent : ExitKind::Call;
  }
  ExitKind operator()(const PageMapped&) const { return ExitKind::Page; }
  ExitKind operator()(const ExceptionInjected&) const { return ExitKind::Exception; }
  ExitKind operator()(const StateChanged&) const { return ExitKind::Other; }
  ExitKind operator()(const TablesChanged&) const { return ExitKind::Other; }
};

}  // namespace

std::string_view to_string(ExitKind kind) noexcept {
  switch (kind) {
    case ExitKind::Call: return "call";
    case ExitKind::Register: return "register";
    case ExitKind::Device: return "device";
    case ExitKind::ProcessDevice: return "device in a process";
    case ExitKind::Page: return "page";
    case ExitKind::Exception: return "exception";
    case ExitKind::InterruptSent: return "interrupt sent";
    case ExitKind::Interrupt: return "interrupt";
    case ExitKind::Wait: return "wait";
    case ExitKind::Other: return "other";
  }
  return {};
}

bool ExitPrices::by_process(const DeviceAccess& access) const {
  return access.bus == Bus::Mmio && !access.device.empty() &&
         std::ranges::none_of(costs_.devices_in_vmm, [&](const std::string& name) {
           return access.device.starts_with(name);
         });
}

ExitKind ExitPrices::kind_of(const TrapTaken& trap) const {
  if (traps_->is_interrupt(trap)) return ExitKind::Interrupt;
  return traps_->is_wait(trap) ? ExitKind::Wait : ExitKind::Other;
}

ExitKind ExitPrices::kind_of(const Event& event) const {
  const auto* const access = std::get_if<DeviceAccess>(&event);
  return std::visit(KindOf{*this, *traps_, access != nullptr && by_process(*access)}, event);
}

std::uint64_t ExitPrices::cycles_of(const Event& event) const {
  switch (kind_of(event)) {
    case ExitKind::Call: return costs_.call;
    case ExitKind::Register: return costs_.register_access;
    case ExitKind::Device: return costs_.device_access;
    case ExitKind::ProcessDevice: return std::uint64_t{costs_.device_access} + costs_.process;
    case ExitKind::Page: return costs_.page;
    case ExitKind::Exception: return costs_.exception;
    case ExitKind::InterruptSent: {
      const bool by_call = std::holds_alternative<FirmwareCall>(event);
      return std::uint64_t{by_call ? costs_.call : costs_.register_access} + costs_.interrupt_sent;
    }
    case ExitKind::Interrupt: return std::uint64_t{costs_.world_switch} + costs_.interrupt;
    case ExitKind::Wait: return costs_.world_switch;
    case ExitKind::Other: break;
  }
  return std::holds_alternative<TrapTaken>(event) ? costs_.world_switch : 0;
}

}  // namespace axvm::hal_sim
