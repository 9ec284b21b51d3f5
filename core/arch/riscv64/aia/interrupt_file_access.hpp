#pragma once
// A guest's accesses of its interrupt file by CSRs. Without guest interrupt files in hardware
// (hstatus.VGEIN is 0) they trap as virtual instructions (AIA, 2.3).

#include <axvm/event.hpp>
#include <core/arch/riscv64/aia/aia.hpp>
#include <core/arch/riscv64/csr_instruction.hpp>
#include <core/arch/riscv64/hal.hpp>
#include <core/arch/riscv64/trap_report.hpp>
#include <core/devices/device.hpp>
#include <cstdint>
#include <optional>

namespace axvm::riscv64 {

template <class Vm, VirtualizationHardware U>
class InterruptFileAccess {
 public:
  InterruptFileAccess(typename Vm::VCpuType& vcpu, U& cpu, TrapReport<Vm, U>& report) noexcept
      : vcpu_(vcpu), cpu_(cpu), report_(report) {}

  /// Carries out an instruction of VS-mode, but for going on behind it. False: it is not an access
  /// of the vCPU's interrupt file, or there is no register to access.
  bool carry_out(std::uint32_t word) {
    if (vcpu_.interrupts().aia() == nullptr) return false;
    const auto instruction = decode_csr_instruction(word);
    if (!instruction) return false;
    if (instruction->csr == Csr::sireg) return access_selected(*instruction);
    return instruction->csr == Csr::stopei && access_top(*instruction);
  }

 private:
  /// What siselect names the priorities of major interrupts by (AIA, 5.2.2).
  static constexpr std::uint64_t kPriorities = 0x30;
  static constexpr std::uint64_t kPrioritiesEnd = 0x40;

  /// sireg.
  bool access_selected(const CsrInstruction& instruction) {
    Aia& aia = *vcpu_.interrupts().aia();
    const unsigned index = vcpu_.interrupts().index();
    const std::uint64_t select = cpu_.template read<Csr::vsiselect>();
    // Priorities are those by default: the array is read-only 0, in its registers of 64 bits.
    const bool is_priority = select >= kPriorities && select < kPrioritiesEnd && select % 2 == 0;
    const std::uint64_t source = operand(instruction);
    const auto changed = [&](std::uint64_t was) {
      return instruction.writes() ? instruction.result(was, source) : was;
    };
    std::optional<std::uint64_t> old(0);
    if (!is_priority && instruction.writes()) {
      old = aia.change_file(index, select, changed);
    } else if (!is_priority) {
      old = aia.read_file(index, select);
    }
    if (!old) return false;
    const std::uint64_t value = changed(*old);
    report_.access(Bus::SysReg, instruction.writes(), AccessWidth::Qword, number(Csr::sireg), value,
                   kName);
    cpu_.set_gpr(instruction.rd, *old);
    return true;
  }

  /// stopei: whatever is written claims.
  bool access_top(const CsrInstruction& instruction) {
    Aia& aia = *vcpu_.interrupts().aia();
    const unsigned index = vcpu_.interrupts().index();
    const std::uint64_t value = instruction.writes() ? aia.claim(index) : aia.top(index);
    report_.access(Bus::SysReg, instruction.writes(), AccessWidth::Qword, number(Csr::stopei),
                   value, kName);
    cpu_.set_gpr(instruction.rd, value);
    return true;
  }

  [[nodiscard]] std::uint64_t operand(const CsrInstruction& instruction) {
    return instruction.is_immediate ? instruction.rs1 : cpu_.gpr(instruction.rs1);
  }
  static constexpr std::uint64_t number(Csr csr) noexcept {
    return static_cast<std::uint64_t>(csr);
  }

  static constexpr std::string_view kName = "imsic"sv;

  typename Vm::VCpuType& vcpu_;
  U& cpu_;
  TrapReport<Vm, U>& report_;
};

}  // namespace axvm::riscv64
