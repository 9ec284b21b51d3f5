#pragma once
// System registers that trap and that the VMM answers by itself: feature registers, cut down to
// what guests get, and registers that read as zero and ignore writes.

#include <core/arch/aarch64/hal.hpp>
#include <core/arch/aarch64/registers.hpp>
#include <cstdint>
#include <optional>

namespace axvm::aarch64 {

/// Which built-in answer an access gets.
enum class EmulatedRegister : std::uint8_t {
  None,     ///< not one of these: UNDEFINED for the guest
  Feature,  ///< identification group 3, trapped by HCR_EL2.TID3: read-only
  Ignored,  ///< reads as zero, ignores writes
};

/// `encoding` as sysreg_encoding() packs it.
[[nodiscard]] EmulatedRegister emulated_register(std::uint16_t encoding) noexcept;

/// What guests see of a feature register whose hardware value is `real`. Guests are told of no
/// EL2, EL3, AArch32, big-endian data, SVE, SME, MTE, RAS, MPAM, AMU, pointer authentication,
/// performance monitors, trace, nor of a GIC's CPU interface.
[[nodiscard]] std::uint64_t guest_feature(SysReg reg, std::uint64_t real) noexcept;

/// The guest's value of the feature register with `encoding`; those that the VMM does not know
/// read as zero, which means that nothing is implemented.
template <VirtualizationHardware U>
[[nodiscard]] std::uint64_t read_feature(U& cpu, std::uint16_t encoding) {
  const auto reg = static_cast<SysReg>(encoding);
  const auto read = [&]<SysReg R>() { return guest_feature(R, cpu.template read<R>()); };
  switch (reg) {
    case SysReg::ID_AA64PFR0_EL1: return read.template operator()<SysReg::ID_AA64PFR0_EL1>();
    case SysReg::ID_AA64PFR1_EL1: return read.template operator()<SysReg::ID_AA64PFR1_EL1>();
    case SysReg::ID_AA64DFR0_EL1: return read.template operator()<SysReg::ID_AA64DFR0_EL1>();
    case SysReg::ID_AA64ISAR0_EL1: return read.template operator()<SysReg::ID_AA64ISAR0_EL1>();
    case SysReg::ID_AA64ISAR1_EL1: return read.template operator()<SysReg::ID_AA64ISAR1_EL1>();
    case SysReg::ID_AA64MMFR0_EL1: return read.template operator()<SysReg::ID_AA64MMFR0_EL1>();
    case SysReg::ID_AA64MMFR1_EL1: return read.template operator()<SysReg::ID_AA64MMFR1_EL1>();
    case SysReg::ID_AA64MMFR2_EL1: return read.template operator()<SysReg::ID_AA64MMFR2_EL1>();
    default: return 0;
  }
}

}  // namespace axvm::aarch64
