#pragma once
// The guest's registers as its instructions name them.

#include <core/arch/aarch64/hal.hpp>
#include <core/arch/aarch64/registers.hpp>
#include <cstdint>

namespace axvm::aarch64 {

/// Xn, and XZR for 31.
template <VirtualizationHardware U>
[[nodiscard]] std::uint64_t read_x(const U& cpu, unsigned n) {
  return n == 31 ? 0 : cpu.gpr(n);
}
template <VirtualizationHardware U>
void write_x(U& cpu, unsigned n, std::uint64_t value) {
  if (n != 31) cpu.set_gpr(n, value);
}

/// Xn, and for 31 the stack pointer that the guest uses: SPSR_EL2.M[0] says which.
template <VirtualizationHardware U>
[[nodiscard]] std::uint64_t read_base(U& cpu, unsigned n) {
  if (n != 31) return cpu.gpr(n);
  const bool own_stack = (cpu.template read<SysReg::SPSR_EL2>() & 1) != 0;
  return own_stack ? cpu.template read<SysReg::SP_EL1>() : cpu.template read<SysReg::SP_EL0>();
}
template <VirtualizationHardware U>
void write_base(U& cpu, unsigned n, std::uint64_t value) {
  if (n != 31) return cpu.set_gpr(n, value);
  if ((cpu.template read<SysReg::SPSR_EL2>() & 1) != 0) {
    cpu.template write<SysReg::SP_EL1>(value);
  } else {
    cpu.template write<SysReg::SP_EL0>(value);
  }
}

/// Has the guest go on behind the instruction that trapped.
template <VirtualizationHardware U>
void skip_instruction(U& cpu) {
  cpu.template write<SysReg::ELR_EL2>(cpu.template read<SysReg::ELR_EL2>() + 4);
}

}  // namespace axvm::aarch64
