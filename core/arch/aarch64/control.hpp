#pragma once
// The controls of EL2: what guests may do on this CPU and what traps (DDI 0487 D24.2).

#include <axvm/result.hpp>
#include <core/arch/aarch64/gic/list_register_file.hpp>
#include <core/arch/aarch64/hal.hpp>
#include <core/arch/aarch64/registers.hpp>
#include <core/arch/aarch64/stage2_format.hpp>
#include <cstdint>

namespace axvm::aarch64 {

/// The registers that differ from VM to VM.
struct VmControls {
  std::uint64_t vtcr = 0;
  std::uint64_t vttbr = 0;
};

/// While a vCPU is loaded: stage 2 on, interrupts to EL2, and traps for what is emulated.
inline constexpr std::uint64_t kGuestHcr = hcr::VM | hcr::SWIO | hcr::FMO | hcr::IMO | hcr::AMO |
                                           hcr::BSU_IS | hcr::FB | hcr::TWI | hcr::TWE | hcr::TID3 |
                                           hcr::TSC | hcr::TIDCP | hcr::TACR | hcr::TSW | hcr::RW;
/// Without guests.
inline constexpr std::uint64_t kHostHcr = hcr::RW;

/// MDCR_EL2: trap the debug, OS lock and performance monitor registers (TDRA, TDOSA, TDA, TPM,
/// TPMCR).
inline constexpr std::uint64_t kGuestMdcr =
    (1ULL << 11) | (1ULL << 10) | (1ULL << 9) | (1ULL << 6) | (1ULL << 5);
/// CPTR_EL2: FP and SIMD do not trap; SVE and SME, whose bits are RES1 where they are absent, do.
inline constexpr std::uint64_t kGuestCptr = 0x33ff;
/// CNTHCTL_EL2.{EL1PCTEN, EL1PCEN}: the guest reads the physical counter and has its timer. EL2 has
/// its own.
inline constexpr std::uint64_t kGuestCnthctl = (1ULL << 0) | (1ULL << 1);

/// ID_AA64PFR0_EL1.GIC: whether the CPU interface is there as system registers.
[[nodiscard]] constexpr bool has_gic_registers(std::uint64_t pfr0) noexcept {
  return ((pfr0 >> 24) & 0xf) != 0;
}

/// ID_AA64MMFR0_EL1.{TGran4_2, TGran4}: whether stage 2 has the 4 KiB granule.
[[nodiscard]] constexpr bool has_stage2_4k(std::uint64_t mmfr0) noexcept {
  const std::uint64_t stage2 = (mmfr0 >> 40) & 0xf;
  const std::uint64_t stage1 = (mmfr0 >> 28) & 0xf;
  return stage2 == 0 ? stage1 != 0xf : stage2 != 1;
}

/// Errors: Unsupported (no 4 KiB granule at stage 2).
template <VirtualizationHardware U>
Result<> enable_hypervisor(U& cpu) {
  if (!has_stage2_4k(cpu.template read<SysReg::ID_AA64MMFR0_EL1>())) {
    return fail(ErrorKind::Unsupported, "hardware_enable"sv, "no 4 KiB granule at stage 2"sv);
  }
  cpu.template write<SysReg::HCR_EL2>(kHostHcr);
  cpu.template write<SysReg::CPTR_EL2>(kGuestCptr);
  cpu.template write<SysReg::MDCR_EL2>(kGuestMdcr);
  cpu.template write<SysReg::HSTR_EL2>(0);
  cpu.template write<SysReg::CNTHCTL_EL2>(kGuestCnthctl);
  cpu.template write<SysReg::CNTVOFF_EL2>(0);
  cpu.template write<SysReg::VTTBR_EL2>(0);
  if (has_gic_registers(cpu.template read<SysReg::ID_AA64PFR0_EL1>())) {
    close_interface(cpu);
  }
  return {};
}

template <VirtualizationHardware U>
void disable_hypervisor(U& cpu) {
  cpu.template write<SysReg::HCR_EL2>(kHostHcr);
  cpu.template write<SysReg::VTTBR_EL2>(0);
}

}  // namespace axvm::aarch64
