#pragma once
// The fields of each event by name: what every log of events is made of.

#include <axvm/event.hpp>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <utility>
#include <variant>

namespace axvm {

/// Receives an event's fields in order, the event's name ("event") first.
template <class W>
concept EventFieldWriter =
    requires(W& out, std::string_view name, std::span<const std::uint64_t> values) {
      out.text(name, name);
      out.number(name, std::uint64_t{});
      out.hex(name, std::uint64_t{});
      out.hex_list(name, values);
      out.flag(name, true);
    };

/// The bus as logs name it.
[[nodiscard]] constexpr std::string_view to_string(Bus bus) noexcept {
  switch (bus) {
    case Bus::Mmio: return "Mmio";
    case Bus::SysReg: return "SysReg";
    case Bus::Port: return "Port";
  }
  return {};
}

/// Writes the fields of one kind of event.
template <EventFieldWriter W>
struct EventFields {
  W& out;

  void begin(std::string_view name, VmId vm, VcpuId vcpu) const {
    out.text("event", name);
    out.number("vm", vm.value);
    out.number("vcpu", vcpu.value);
  }
  void operator()(const TrapTaken& e) const {
    begin("TrapTaken", e.vm, e.vcpu);
    out.hex("cause", e.cause);
    out.hex("syndrome", e.syndrome);
    out.hex("fault_address", e.fault_address);
    out.hex("fault_gpa", e.fault_gpa);
    out.hex("return_address", e.return_address);
    out.hex("saved_state", e.saved_state);
    out.hex("instruction", e.instruction);
    out.hex_list("registers", e.registers);
  }
  void operator()(const DeviceAccess& e) const {
    begin("DeviceAccess", e.vm, e.vcpu);
    out.text("bus", to_string(e.bus));
    out.flag("is_write", e.is_write);
    out.number("width", e.width);
    out.hex("address", e.address);
    out.hex("data", e.data);
    out.text("device", e.device);
  }
  void operator()(const FirmwareCall& e) const {
    begin("FirmwareCall", e.vm, e.vcpu);
    out.text("name", e.name);
    out.hex("function", e.function);
    out.hex_list("arguments", e.arguments);
    out.hex("result", e.result);
  }
  void operator()(const PageMapped& e) const {
    begin("PageMapped", e.vm, e.vcpu);
    out.hex("gpa", e.gpa.value);
    out.hex("hpa", e.hpa.value);
    out.hex("size", e.size);
  }
  void operator()(const ExceptionInjected& e) const {
    begin("ExceptionInjected", e.vm, e.vcpu);
    out.hex("syndrome", e.syndrome);
    out.hex("fault_address", e.fault_address);
    out.text("reason", e.reason);
  }
  void operator()(const StateChanged& e) const {
    begin("StateChanged", e.vm, e.vcpu);
    out.flag("of_vcpu", e.of_vcpu);
    out.text("state", e.state);
  }
  void operator()(const TablesChanged& e) const {
    begin("TablesChanged", e.vm, e.vcpu);
    out.hex("hash", e.hash);
    out.hex("mapped", e.mapped);
    out.number("runs", e.runs);
  }
};

/// Writes the fields of `event`. Not std::visit, which for alternatives of this size has a way to
/// abort().
template <EventFieldWriter W>
void write_fields(const Event& event, W& out) {
  const EventFields<W> fields{out};
  [&]<std::size_t... I>(std::index_sequence<I...>) {
    ((event.index() == I ? fields(*std::get_if<I>(&event)) : void()), ...);
  }(std::make_index_sequence<std::variant_size_v<Event>>());
}

}  // namespace axvm
