#include <fmt/format.h>

#include <core/arch/aarch64/registers.hpp>
#include <hal-sim/arch/aarch64/trace/syndrome_text.hpp>
#include <hal-sim/arch/aarch64/trace/sysreg_names.hpp>
#include <hal-sim/arch/aarch64/trace/trap_text.hpp>

namespace axvm::hal_sim::aarch64 {
namespace {

// TrapTaken::cause: which vector of VBAR_EL2 was taken.
constexpr std::uint64_t kSynchronous = 0;

constexpr auto kIccSgi1r = static_cast<std::uint64_t>(axvm::aarch64::SysReg::ICC_SGI1R_EL1);

std::string_view vector_name(std::uint64_t vector) {
  switch (vector) {
    case kSynchronous: return "synchronous";
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

class Text final : public TrapText {
 public:
  [[nodiscard]] std::string_view name(const TrapTaken& trap) const override {
    return trap.cause == kSynchronous ? exception_class_name(trap.syndrome)
                                      : vector_name(trap.cause);
  }
  [[nodiscard]] std::string_view exit_name(unsigned number) const override {
    return exception_class_name(std::uint64_t{number} << 26);
  }

  [[nodiscard]] bool is_interrupt(const TrapTaken& trap) const override {
    return trap.cause != kSynchronous;
  }
  [[nodiscard]] bool is_wait(const TrapTaken& trap) const override {
    return trap.cause == kSynchronous && exception_class(trap.syndrome) == kWfx;
  }
  [[nodiscard]] bool is_stage2_fault(const TrapTaken& trap) const override {
    const unsigned ec = exception_class(trap.syndrome);
    return trap.cause == kSynchronous && (ec == kDataAbort || ec == kInstructionAbort);
  }
  [[nodiscard]] bool sends_interrupt(const DeviceAccess& access) const override {
    return access.bus == Bus::SysReg && access.address == kIccSgi1r;
  }
  /// That is a register here.
  [[nodiscard]] bool sends_interrupt(const FirmwareCall&) const override { return false; }
  [[nodiscard]] std::uint64_t trapped_instruction(const TrapTaken& trap) const override {
    return trap.cause == kSynchronous
               ? aarch64::trapped_instruction(trap.syndrome, trap.return_address)
               : trap.return_address;
  }

  [[nodiscard]] std::string registers(const TrapTaken& trap) const override {
    std::string text;
    if (trap.cause == kSynchronous) {
      text += fmt::format("  ESR_EL2={:#x}: {}\n", trap.syndrome, syndrome_text(trap.syndrome));
    }
    if (is_stage2_fault(trap)) {
      // HPFAR_EL2.FIPA holds IPA bits 47:12 in bits 43:4; the offset is that of FAR_EL2.
      const std::uint64_t ipa = (trap.fault_gpa >> 4 << 12) | (trap.fault_address & 0xFFF);
      text += fmt::format("  FAR_EL2={:#x} HPFAR_EL2={:#x}: IPA {:#x}\n", trap.fault_address,
                          trap.fault_gpa, ipa);
    }
    return text + fmt::format("  ELR_EL2={:#x} SPSR_EL2={:#x}: {}\n", trap.return_address,
                              trap.saved_state, mode_name(trap.saved_state));
  }
  [[nodiscard]] std::string injection(const ExceptionInjected& event) const override {
    return fmt::format("{} into EL1: ESR_EL1={:#x} FAR_EL1={:#x}",
                       exception_class_name(event.syndrome, 1), event.syndrome,
                       event.fault_address);
  }
  [[nodiscard]] std::vector<SyndromeField> syndrome_fields(std::uint64_t syndrome) const override {
    return aarch64::syndrome_fields(syndrome);
  }

  [[nodiscard]] std::string_view trap_member(std::string_view name) const override {
    if (name == "cause") return "vector";
    if (name == "syndrome") return "ESR_EL2";
    if (name == "fault_address") return "FAR_EL2";
    if (name == "fault_gpa") return "HPFAR_EL2";
    if (name == "return_address") return "ELR_EL2";
    if (name == "saved_state") return "SPSR_EL2";
    return {};
  }
  [[nodiscard]] std::string_view injection_member(std::string_view name) const override {
    if (name == "syndrome") return "ESR_EL1";
    if (name == "fault_address") return "FAR_EL1";
    return {};
  }
  [[nodiscard]] std::string general_register(std::size_t n) const override {
    return fmt::format("X{}", n);
  }
  [[nodiscard]] std::string system_register(std::uint64_t number) const override {
    return sysreg_name(static_cast<std::uint16_t>(number));
  }
};

}  // namespace

const TrapText& trap_text() {
  static const Text kText;
  return kText;
}

}  // namespace axvm::hal_sim::aarch64
