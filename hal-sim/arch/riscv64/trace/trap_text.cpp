#include <fmt/format.h>

#include <hal-sim/arch/riscv64/trace/csr_names.hpp>
#include <hal-sim/arch/riscv64/trace/trap_text.hpp>

namespace axvm::hal_sim::riscv64 {
namespace {

constexpr std::uint64_t kInterrupt = 1ULL << 63;
constexpr unsigned kFetchGuestPageFault = 20;
constexpr unsigned kLoadGuestPageFault = 21;
constexpr unsigned kVirtualInstruction = 22;
constexpr unsigned kStoreGuestPageFault = 23;
constexpr std::uint64_t kWfi = 0x1050'0073;
// SBI 2.0, FirmwareCall::function: sbi_send_ipi of the IPI extension, and the legacy one.
constexpr std::uint64_t kSendIpi = 0x73'5049ULL << 32;
constexpr std::uint64_t kLegacySendIpi = 0x04ULL << 32;

// Exceptions by number.
std::string_view exception_name(std::uint64_t code) {
  switch (code) {
    case 0: return "instruction address misaligned";
    case 1: return "instruction access fault";
    case 2: return "illegal instruction";
    case 3: return "breakpoint";
    case 4: return "load address misaligned";
    case 5: return "load access fault";
    case 6: return "store/AMO address misaligned";
    case 7: return "store/AMO access fault";
    case 8: return "ecall from U-mode or VU-mode";
    case 9: return "ecall from HS-mode";
    case 10: return "ecall from VS-mode";
    case 11: return "ecall from M-mode";
    case 12: return "instruction page fault";
    case 13: return "load page fault";
    case 15: return "store/AMO page fault";
    case kFetchGuestPageFault: return "instruction guest-page fault";
    case kLoadGuestPageFault: return "load guest-page fault";
    case kVirtualInstruction: return "virtual instruction";
    case kStoreGuestPageFault: return "store/AMO guest-page fault";
    default: return "reserved exception";
  }
}

std::string_view interrupt_name(std::uint64_t code) {
  switch (code) {
    case 1: return "supervisor software interrupt";
    case 2: return "virtual supervisor software interrupt";
    case 5: return "supervisor timer interrupt";
    case 6: return "virtual supervisor timer interrupt";
    case 9: return "supervisor external interrupt";
    case 10: return "virtual supervisor external interrupt";
    case 12: return "supervisor guest external interrupt";
    default: return "interrupt";
  }
}

std::string_view cause_name(std::uint64_t scause) {
  return (scause & kInterrupt) != 0 ? interrupt_name(scause & ~kInterrupt) : exception_name(scause);
}

// hstatus.SPV (7) and SPVP (8): where the trap came from.
std::string_view mode_name(std::uint64_t hstatus) {
  if ((hstatus >> 7 & 1) == 0) return "HS or U";
  return (hstatus >> 8 & 1) != 0 ? "VS" : "VU";
}

class Text final : public TrapText {
 public:
  [[nodiscard]] std::string_view name(const TrapTaken& trap) const override {
    return cause_name(trap.syndrome);
  }
  [[nodiscard]] std::string_view exit_name(unsigned number) const override {
    return exception_name(number);
  }

  [[nodiscard]] bool is_interrupt(const TrapTaken& trap) const override {
    return (trap.syndrome & kInterrupt) != 0;
  }
  [[nodiscard]] bool is_wait(const TrapTaken& trap) const override {
    return trap.syndrome == kVirtualInstruction && trap.fault_address == kWfi;
  }
  [[nodiscard]] bool is_stage2_fault(const TrapTaken& trap) const override {
    return trap.syndrome == kFetchGuestPageFault || trap.syndrome == kLoadGuestPageFault ||
           trap.syndrome == kStoreGuestPageFault;
  }
  /// That is a call to firmware here.
  [[nodiscard]] bool sends_interrupt(const DeviceAccess&) const override { return false; }
  [[nodiscard]] bool sends_interrupt(const FirmwareCall& call) const override {
    return call.function == kSendIpi || call.function == kLegacySendIpi;
  }
  [[nodiscard]] std::uint64_t trapped_instruction(const TrapTaken& trap) const override {
    return trap.return_address;
  }

  [[nodiscard]] std::string registers(const TrapTaken& trap) const override {
    std::string text = fmt::format("  scause={:#x} stval={:#x}", trap.syndrome, trap.fault_address);
    if (is_stage2_fault(trap)) {
      // htval is the address without its lowest two bits: those are stval's, unless it is an
      // entry's of the VS-stage, which is aligned.
      const bool of_walk = is_of_walk(trap.instruction);
      text += fmt::format(" htval={:#x}: GPA {:#x}", trap.fault_gpa,
                          trap.fault_gpa << 2 | (of_walk ? 0 : trap.fault_address & 3));
      if (of_walk)
        text += fmt::format(" htinst={:#x}: on a walk of the VS-stage", trap.instruction);
    }
    return text + fmt::format("\n  sepc={:#x} hstatus={:#x}: from {}\n", trap.return_address,
                              trap.saved_state, mode_name(trap.saved_state));
  }
  [[nodiscard]] std::string injection(const ExceptionInjected& event) const override {
    return fmt::format("{} into VS: vscause={:#x} vstval={:#x}", cause_name(event.syndrome),
                       event.syndrome, event.fault_address);
  }
  [[nodiscard]] std::vector<SyndromeField> syndrome_fields(std::uint64_t) const override {
    return {};
  }

  [[nodiscard]] std::string_view trap_member(std::string_view name) const override {
    if (name == "syndrome") return "scause";
    if (name == "fault_address") return "stval";
    if (name == "fault_gpa") return "htval";
    if (name == "return_address") return "sepc";
    if (name == "saved_state") return "hstatus";
    if (name == "instruction") return "htinst";
    return {};
  }
  [[nodiscard]] std::string_view injection_member(std::string_view name) const override {
    if (name == "syndrome") return "vscause";
    if (name == "fault_address") return "vstval";
    return {};
  }
  [[nodiscard]] std::string general_register(std::size_t n) const override {
    return fmt::format("x{}", n + 1);
  }
  [[nodiscard]] std::string system_register(std::uint64_t number) const override {
    return csr_name(number);
  }
};

}  // namespace

const TrapText& trap_text() {
  static const Text kText;
  return kText;
}

}  // namespace axvm::hal_sim::riscv64
