#include <fmt/format.h>

#include <hal-sim/arch/aarch64/trace/syndrome_text.hpp>
#include <hal-sim/trace/device_text.hpp>
#include <hal-sim/trace/text_sink.hpp>

namespace axvm::hal_sim {
namespace {

using namespace axvm::hal_sim::aarch64;

constexpr std::uint64_t kSynchronous = 0;

std::string_view vector_name(std::uint64_t vector) {
  switch (vector) {
    case 0: return "synchronous";
    case 1: return "IRQ";
    case 2: return "FIQ";
    case 3: return "SError";
    default: return "?";
  }
}

// SPSR_ELx.M[3:0] of an AArch64 state (DDI 0487 C5.2.19).
std::string_view mode_name(std::uint64_t spsr) {
  switch (spsr & 0x1F) {
    case 0b00000: return "EL0t";
    case 0b00100: return "EL1t";
    case 0b00101: return "EL1h";
    default: return (spsr & 0x10) != 0 ? "AArch32" : "?";
  }
}

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
  std::string operator()(const TrapTaken&) const { return {}; }
  std::string operator()(const DeviceAccess& e) const { return device_access_text(e); }
  std::string operator()(const FirmwareCall& e) const { return call_text(e); }
  std::string operator()(const PageMapped& e) const {
    return fmt::format("map IPA {:#x} to PA {:#x}, {} KiB", e.gpa.value, e.hpa.value,
                       e.size / 1024);
  }
  std::string operator()(const ExceptionInjected& e) const {
    return fmt::format("inject {} into EL1: ESR_EL1={:#x} FAR_EL1={:#x}{}{}",
                       exception_class_name(e.syndrome, 1), e.syndrome, e.fault_address,
                       e.reason.empty() ? "" : ", ", e.reason);
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
  const bool is_synchronous = trap.cause == kSynchronous;
  std::string text = fmt::format(
      "\n[{}] pcpu{} vm{}.vcpu{} after {} instructions: {}{}\n", time_text(stamp.time_ns),
      stamp.pcpu, trap.vm.value, trap.vcpu.value, stamp.instructions,
      is_synchronous ? exception_class_name(trap.syndrome) : vector_name(trap.cause),
      stamp.host ? " (the host's)" : "");
  const std::uint64_t address = is_synchronous
                                    ? trapped_instruction(trap.syndrome, trap.return_address)
                                    : trap.return_address;
  text += instruction(stamp.pcpu, address);
  if (is_synchronous) {
    text += fmt::format("  ESR_EL2={:#x}: {}\n", trap.syndrome, syndrome_text(trap.syndrome));
    const unsigned ec = exception_class(trap.syndrome);
    if (ec == kDataAbort || ec == kInstructionAbort) {
      // HPFAR_EL2.FIPA holds IPA bits 47:12 in bits 43:4; the offset is that of FAR_EL2.
      const std::uint64_t ipa = (trap.fault_gpa >> 4 << 12) | (trap.fault_address & 0xFFF);
      text += fmt::format("  FAR_EL2={:#x} HPFAR_EL2={:#x}: IPA {:#x}\n", trap.fault_address,
                          trap.fault_gpa, ipa);
    }
  }
  text += fmt::format("  ELR_EL2={:#x} SPSR_EL2={:#x}: {}\n", trap.return_address, trap.saved_state,
                      mode_name(trap.saved_state));
  return text;
}

void TextSink::event(const Stamp& stamp, const Event& event) {
  if (const auto* taken = std::get_if<TrapTaken>(&event)) {
    output_(trap(stamp, *taken));
  } else {
    output_("  → " + std::visit(ActionText{}, event) + "\n");
  }
}

void TextSink::unmaintained_code(const sim::UnmaintainedCode& event) {
  output_(fmt::format(
      "\n[{}] pcpu{} after {} instructions: code run without instruction cache maintenance\n{}",
      time_text(event.time_ns), event.pcpu, event.instructions, instruction(event.pcpu, event.pc)));
}

}  // namespace axvm::hal_sim
