#include <fmt/format.h>

#include <hal-sim/trace/device_text.hpp>
#include <hal-sim/trace/text_sink.hpp>

namespace axvm::hal_sim {
namespace {

std::string call_text(const FirmwareCall& call) {
  std::string text =
      call.name.empty() ? fmt::format("call {:#x}", call.function) : std::string(call.name);
  text +=
      fmt::format("({:#x}, {:#x}, {:#x})", call.arguments[0], call.arguments[1], call.arguments[2]);
  const auto result = static_cast<std::int64_t>(call.result);
  if (result < 0 && result > -4096) return fmt::format("{} = {}", text, result);
  return fmt::format("{} = {:#x}", text, call.result);
}

std::string time_text(std::uint64_t ns) {
  return fmt::format("{}.{:09} s", ns / 1'000'000'000, ns % 1'000'000'000);
}

struct ActionText {
  const TrapText& traps;

  std::string operator()(const TrapTaken&) const { return {}; }
  std::string operator()(const DeviceAccess& e) const { return device_access_text(e, traps); }
  std::string operator()(const FirmwareCall& e) const { return call_text(e); }
  std::string operator()(const PageMapped& e) const {
    return fmt::format("map IPA {:#x} to PA {:#x}, {} KiB", e.gpa.value, e.hpa.value,
                       e.size / 1024);
  }
  std::string operator()(const ExceptionInjected& e) const {
    return fmt::format("inject {}{}{}", traps.injection(e), e.reason.empty() ? "" : ", ", e.reason);
  }
  std::string operator()(const StateChanged& e) const {
    if (e.of_vcpu) return fmt::format("vm{} vcpu{} is {}", e.vm.value, e.vcpu.value, e.state);
    return fmt::format("vm{} is {}", e.vm.value, e.state);
  }
  std::string operator()(const TablesChanged& e) const {
    return fmt::format("stage 2 maps {} KiB in {} runs, hash {:016x}", e.mapped / 1024, e.runs,
                       e.hash);
  }
};

}  // namespace

std::string TextSink::instruction(std::uint32_t pcpu, std::uint64_t address) {
  const auto word = reader_ ? reader_(pcpu, address) : std::nullopt;
  return fmt::format("  {:#x}: {}\n", address,
                     word ? disassembler_.instruction(address, *word) : "(not readable)");
}

std::string TextSink::trap(const Stamp& stamp, const TrapTaken& trap) {
  return fmt::format("\n[{}] pcpu{} vm{}.vcpu{} after {} instructions: {}{}\n",
                     time_text(stamp.time_ns), stamp.pcpu, trap.vm.value, trap.vcpu.value,
                     stamp.instructions, traps_.name(trap), stamp.host ? " (the host's)" : "") +
         instruction(stamp.pcpu, traps_.trapped_instruction(trap)) + traps_.registers(trap);
}

void TextSink::event(const Stamp& stamp, const Event& event) {
  if (const auto* taken = std::get_if<TrapTaken>(&event)) {
    output_(trap(stamp, *taken));
  } else {
    output_("  → " + std::visit(ActionText{traps_}, event) + "\n");
  }
}

void TextSink::unmaintained_code(const sim::UnmaintainedCode& event) {
  output_(fmt::format(
      "\n[{}] pcpu{} after {} instructions: code run without instruction cache maintenance\n{}",
      time_text(event.time_ns), event.pcpu, event.instructions, instruction(event.pcpu, event.pc)));
}

}  // namespace axvm::hal_sim
