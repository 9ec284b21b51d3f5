#pragma once
// A board's GICv2 (IHI 0048): the physical interrupts of interrupt_controller.hpp, and the virtual
// interface as the core knows it.

#include <core/arch/aarch64/registers.hpp>
#include <cstdint>

namespace axvm::hal_el2::gic_v2 {

// As the functions of hal-metal/platform.hpp.
// pending_interrupt: what acknowledge_interrupt() would answer.
void enable_distributor();
void enable_interrupts();
void interrupt_cpu(unsigned cpu);
[[nodiscard]] std::uint32_t acknowledge_interrupt();
[[nodiscard]] std::uint32_t pending_interrupt();
void end_interrupt(std::uint32_t intid);

/// Whether a register is one of those that control the virtual interface of a GICv3: ICH_*_EL2,
/// ICC_SRE_EL1 and ICC_SRE_EL2.
[[nodiscard]] constexpr bool is_interface_register(aarch64::SysReg reg) noexcept {
  using aarch64::SysReg;
  const auto lr0 = static_cast<unsigned>(SysReg::ICH_LR0_EL2);
  const auto number = static_cast<unsigned>(reg);
  return (number >= lr0 && number < lr0 + 16) || reg == SysReg::ICH_HCR_EL2 ||
         reg == SysReg::ICH_VTR_EL2 || reg == SysReg::ICH_VMCR_EL2 ||
         reg == SysReg::ICH_AP0R0_EL2 || reg == SysReg::ICH_AP1R0_EL2 ||
         reg == SysReg::ICC_SRE_EL1 || reg == SysReg::ICC_SRE_EL2;
}

/// These registers by their names on a CPU with a GICv3 that is used as a GICv2 (IHI 0069, 10.2),
/// which is how the core gives guests a GICv2: GICH_* has the same fields in other places. Such a
/// CPU's ICC_SRE_EL1.SRE is 0 and stays so.
[[nodiscard]] std::uint64_t read_interface(aarch64::SysReg reg);
void write_interface(aarch64::SysReg reg, std::uint64_t value);

}  // namespace axvm::hal_el2::gic_v2
