#pragma once
// The list registers of one CPU and the rest of its virtual interface, by name (IHI 0069, 12.4).

#include <core/arch/aarch64/gic/list_register.hpp>
#include <core/arch/aarch64/gic/vcpu_interface.hpp>
#include <core/arch/aarch64/hal.hpp>
#include <core/arch/aarch64/registers.hpp>
#include <cstdint>
#include <utility>

namespace axvm::aarch64 {

/// ICH_LR<n>_EL2.
[[nodiscard]] constexpr SysReg list_register_name(unsigned n) noexcept {
  return static_cast<SysReg>(static_cast<unsigned>(SysReg::ICH_LR0_EL2) + n);
}

/// `n` < list_register_count().
template <VirtualizationHardware U>
[[nodiscard]] std::uint64_t read_list_register(U& cpu, unsigned n) {
  return [&]<unsigned... I>(std::integer_sequence<unsigned, I...>) {
    std::uint64_t value = 0;
    static_cast<void>(
        ((n == I && (value = cpu.template read<list_register_name(I)>(), true)) || ...));
    return value;
  }(std::make_integer_sequence<unsigned, kMaxListRegisters>());
}
template <VirtualizationHardware U>
void write_list_register(U& cpu, unsigned n, std::uint64_t value) {
  [&]<unsigned... I>(std::integer_sequence<unsigned, I...>) {
    static_cast<void>(
        ((n == I && (cpu.template write<list_register_name(I)>(value), true)) || ...));
  }(std::make_integer_sequence<unsigned, kMaxListRegisters>());
}

/// Guests have no interface: all accesses trap.
template <VirtualizationHardware U>
void close_interface(U& cpu) {
  cpu.template write<SysReg::ICC_SRE_EL2>(icc_sre::kGuestHasNone);
  cpu.synchronize();
  cpu.template write<SysReg::ICC_SRE_EL1>(icc_sre::kEl1Registers);
  cpu.template write<SysReg::ICH_HCR_EL2>(ich::kNoInterface);
}

/// A vCPU whose interrupts are emulated gets its interface back, with empty list registers.
/// ICC_SRE_EL1 comes first: what ICH_VMCR_EL2 keeps depends on it.
template <VirtualizationHardware U>
void load_interface(U& cpu, const VcpuInterface& interface) {
  const bool in_memory = interface.is_in_memory();
  cpu.template write<SysReg::ICC_SRE_EL2>(in_memory ? icc_sre::kGuestHasNone
                                                    : icc_sre::kGuestHasRegisters);
  cpu.template write<SysReg::ICC_SRE_EL1>(in_memory ? icc_sre::kEl1Memory : icc_sre::kEl1Registers);
  cpu.synchronize();
  const unsigned count = list_register_count(cpu.template read<SysReg::ICH_VTR_EL2>());
  for (unsigned n = 0; n < count; ++n) write_list_register(cpu, n, 0);
  cpu.template write<SysReg::ICH_VMCR_EL2>(interface.vmcr);
  cpu.template write<SysReg::ICH_AP0R0_EL2>(interface.active_priorities[0]);
  cpu.template write<SysReg::ICH_AP1R0_EL2>(interface.active_priorities[1]);
  cpu.template write<SysReg::ICH_HCR_EL2>(ich::En);
}
/// Its list registers have been folded.
template <VirtualizationHardware U>
void save_interface(U& cpu, VcpuInterface& interface) {
  interface.vmcr = cpu.template read<SysReg::ICH_VMCR_EL2>();
  interface.active_priorities[0] =
      static_cast<std::uint32_t>(cpu.template read<SysReg::ICH_AP0R0_EL2>());
  interface.active_priorities[1] =
      static_cast<std::uint32_t>(cpu.template read<SysReg::ICH_AP1R0_EL2>());
  close_interface(cpu);
}

/// Whether guests can have their interface in memory: ICC_SRE_EL1.SRE is not fixed, and GICV is
/// there. No vCPU is loaded.
template <VirtualizationHardware U>
[[nodiscard]] bool has_interface_in_memory(U& cpu) {
  if (!cpu.gicv()) return false;
  cpu.template write<SysReg::ICC_SRE_EL1>(icc_sre::kEl1Memory);
  cpu.synchronize();
  const std::uint64_t kept = cpu.template read<SysReg::ICC_SRE_EL1>();
  cpu.template write<SysReg::ICC_SRE_EL1>(icc_sre::kEl1Registers);
  return (kept & icc_sre::SRE) == 0;
}

}  // namespace axvm::aarch64
