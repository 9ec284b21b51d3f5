#include <fmt/format.h>

#include <explain/aarch64/exit.hpp>
#include <explain/aarch64/layouts.hpp>
#include <explain/riscv64/exit.hpp>
#include <explain/riscv64/layouts.hpp>
#include <explain/traced_exit.hpp>
#include <optional>
#include <variant>

namespace axvm::explain {

namespace {

std::string_view interrupt_name(std::uint64_t vector) {
  switch (vector) {
    case 1: return "IRQ: an interrupt for EL2";
    case 2: return "FIQ: an interrupt for EL2";
    case 3: return "SError: an error for EL2";
    default: return "unknown vector";
  }
}

std::span<const std::uint64_t> registers_of(const hal_sim::TraceEvent& event) {
  const hal_sim::TraceValue* const value = event.find("registers");
  const auto* const list =
      value != nullptr ? std::get_if<std::vector<std::uint64_t>>(value) : nullptr;
  return list != nullptr ? std::span(*list) : std::span<const std::uint64_t>();
}

TracedExit aarch64_exit(const hal_sim::TraceEvent& event) {
  const auto trap = hal_sim::trap_of(event);
  constexpr std::uint64_t kSynchronous = 0;
  TracedExit told{.title = {},
                  .interrupted = trap.cause != kSynchronous,
                  .happened = {},
                  .follows = {},
                  .registers = {},
                  .general = registers_of(event)};
  if (told.interrupted) {
    told.title = interrupt_name(trap.cause);
  } else {
    const aarch64::Exit exit{.esr = trap.syndrome,
                             .far = trap.fault_address,
                             .hpfar = trap.fault_gpa,
                             .elr = trap.return_address,
                             .spsr = trap.saved_state,
                             .registers = told.general};
    told.title = aarch64::exception_class_text(trap.syndrome >> 26 & 63);
    told.happened = aarch64::what_happened(exit);
    told.follows = aarch64::what_follows(exit);
    told.registers = {
        {"ESR_EL2", trap.syndrome}, {"FAR_EL2", trap.fault_address}, {"HPFAR_EL2", trap.fault_gpa}};
  }
  told.registers.push_back({"ELR_EL2", trap.return_address});
  told.registers.push_back({"SPSR_EL2", trap.saved_state});
  return told;
}

TracedExit riscv64_exit(const hal_sim::TraceEvent& event) {
  const auto trap = hal_sim::trap_of(event);
  TracedExit told{.title = std::string(riscv64::cause_text(trap.syndrome)),
                  .interrupted = riscv64::is_interrupt(trap.syndrome),
                  .happened = {},
                  .follows = {},
                  .registers = {{"scause", trap.syndrome}},
                  .general = registers_of(event)};
  if (!told.interrupted) {
    std::optional<std::uint64_t> htinst;
    if (event.find("instruction") != nullptr) htinst = trap.instruction;
    const riscv64::Exit exit{.scause = trap.syndrome,
                             .stval = trap.fault_address,
                             .htval = trap.fault_gpa,
                             .htinst = htinst,
                             .sepc = trap.return_address,
                             .hstatus = trap.saved_state,
                             .registers = told.general};
    told.happened = riscv64::what_happened(exit);
    told.follows = riscv64::what_follows(exit);
    told.registers.push_back({"stval", trap.fault_address});
    told.registers.push_back({"htval", trap.fault_gpa});
    if (htinst) told.registers.push_back({"htinst", *htinst});
  }
  told.registers.push_back({"sepc", trap.return_address});
  told.registers.push_back({"hstatus", trap.saved_state});
  return told;
}

}  // namespace

TracedExit traced_exit(hal_sim::Isa isa, const hal_sim::TraceEvent& event) {
  switch (isa) {
    case hal_sim::Isa::Riscv64: return riscv64_exit(event);
    case hal_sim::Isa::Aarch64: break;
  }
  return aarch64_exit(event);
}

std::string general_register(hal_sim::Isa isa, std::size_t number) {
  if (isa == hal_sim::Isa::Riscv64) return std::string(riscv64::register_name(number + 1));
  return fmt::format("X{}", number);
}

}  // namespace axvm::explain
