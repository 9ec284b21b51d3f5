#pragma once
// The registers of a guest CPU while they are in memory, and the way into a CPU and back.

#include <array>
#include <axvm/address.hpp>
#include <axvm/state.hpp>
#include <core/arch/aarch64/control.hpp>
#include <core/arch/aarch64/hal.hpp>
#include <core/arch/aarch64/registers.hpp>
#include <cstddef>
#include <cstdint>
#include <utility>

namespace axvm::aarch64 {

/// The affinity fields of MPIDR_EL1 (D24.2.103): Aff3 and Aff2..Aff0.
inline constexpr std::uint64_t kAffinityMask = 0xff'00ff'ffffULL;

/// SCTLR_EL1 at reset: MMU and caches off, little-endian, the bits that are RES1 on some CPUs.
inline constexpr std::uint64_t kResetSctlr = 0x30c5'0830;
/// SPSR at reset: EL1h, D, A, I and F masked.
inline constexpr std::uint64_t kResetPstate = 0x3c5;

/// EL1 and EL0 state that belongs to the guest. ACTLR_EL1 traps.
inline constexpr std::array kSwitchedRegisters{
    SysReg::SCTLR_EL1,    SysReg::CPACR_EL1,      SysReg::TTBR0_EL1,    SysReg::TTBR1_EL1,
    SysReg::TCR_EL1,      SysReg::SPSR_EL1,       SysReg::ELR_EL1,      SysReg::SP_EL0,
    SysReg::SP_EL1,       SysReg::AFSR0_EL1,      SysReg::AFSR1_EL1,    SysReg::ESR_EL1,
    SysReg::FAR_EL1,      SysReg::PAR_EL1,        SysReg::MAIR_EL1,     SysReg::AMAIR_EL1,
    SysReg::VBAR_EL1,     SysReg::CONTEXTIDR_EL1, SysReg::TPIDR_EL1,    SysReg::TPIDR_EL0,
    SysReg::TPIDRRO_EL0,  SysReg::CNTKCTL_EL1,    SysReg::CNTV_CTL_EL0, SysReg::CNTV_CVAL_EL0,
    SysReg::CNTP_CTL_EL0, SysReg::CNTP_CVAL_EL0,  SysReg::CSSELR_EL1,   SysReg::FPCR,
    SysReg::FPSR,
};
static_assert(kSwitchedRegisters[0] == SysReg::SCTLR_EL1);

[[nodiscard]] constexpr bool is_timer(SysReg reg) noexcept {
  return reg == SysReg::CNTV_CTL_EL0 || reg == SysReg::CNTV_CVAL_EL0 ||
         reg == SysReg::CNTP_CTL_EL0 || reg == SysReg::CNTP_CVAL_EL0;
}

class VCpuContext {
 public:
  /// `phys_id` is the affinity that the guest reads in MPIDR_EL1.
  explicit VCpuContext(std::uint64_t phys_id) noexcept
      : vmpidr_((1ULL << 31) | (phys_id & kAffinityMask)) {
    reset(GuestPhysAddr(0), 0);
  }

  /// As after power-on, about to run at `entry` with `argument` in X0.
  void reset(GuestPhysAddr entry, std::uint64_t argument) noexcept {
    gprs_ = {};
    vector_registers_ = {};
    gprs_[0] = argument;
    pc_ = entry.value;
    pstate_ = kResetPstate;
    registers_ = {};
    registers_[0] = kResetSctlr;
  }

  /// As after power-down, about to run at `entry` with `argument` in X0: its timers go on.
  void wake_at(GuestPhysAddr entry, std::uint64_t argument) noexcept {
    const auto before = registers_;
    reset(entry, argument);
    for (std::size_t n = 0; n < registers_.size(); ++n) {
      if (is_timer(kSwitchedRegisters[n])) registers_[n] = before[n];
    }
  }

  template <VirtualizationHardware U>
  void load(U& cpu, const VmControls& controls) const {
    cpu.template write<SysReg::VTCR_EL2>(controls.vtcr);
    cpu.template write<SysReg::VTTBR_EL2>(controls.vttbr);
    cpu.template write<SysReg::VPIDR_EL2>(cpu.template read<SysReg::MIDR_EL1>());
    cpu.template write<SysReg::VMPIDR_EL2>(vmpidr_);
    cpu.template write<SysReg::HCR_EL2>(kGuestHcr);
    [&]<std::size_t... I>(std::index_sequence<I...>) {
      (cpu.template write<kSwitchedRegisters[I]>(registers_[I]), ...);
    }(std::make_index_sequence<kSwitchedRegisters.size()>());
    for (unsigned n = 0; n < gprs_.size(); ++n) cpu.set_gpr(n, gprs_[n]);
    for (unsigned n = 0; n < vector_registers_.size(); ++n) cpu.set_vreg(n, vector_registers_[n]);
    cpu.template write<SysReg::ELR_EL2>(pc_);
    cpu.template write<SysReg::SPSR_EL2>(pstate_);
  }

  template <VirtualizationHardware U>
  void save(U& cpu) {
    [&]<std::size_t... I>(std::index_sequence<I...>) {
      ((registers_[I] = cpu.template read<kSwitchedRegisters[I]>()), ...);
    }(std::make_index_sequence<kSwitchedRegisters.size()>());
    for (unsigned n = 0; n < gprs_.size(); ++n) gprs_[n] = cpu.gpr(n);
    for (unsigned n = 0; n < vector_registers_.size(); ++n) vector_registers_[n] = cpu.vreg(n);
    pc_ = cpu.template read<SysReg::ELR_EL2>();
    pstate_ = cpu.template read<SysReg::SPSR_EL2>();
    // Its timers would interrupt whoever runs next.
    cpu.template write<SysReg::CNTV_CTL_EL0>(0);
    cpu.template write<SysReg::CNTP_CTL_EL0>(0);
  }

  void describe(StateVisitor& visitor) {
    visitor.bytes("x"sv, std::as_writable_bytes(std::span(gprs_)));
    visitor.bytes("v"sv, std::as_writable_bytes(std::span(vector_registers_)));
    visitor.field("pc"sv, pc_);
    visitor.field("pstate"sv, pstate_);
    visitor.bytes("system_registers"sv, std::as_writable_bytes(std::span(registers_)));
  }

 private:
  std::uint64_t vmpidr_;
  std::array<std::uint64_t, 31> gprs_{};
  std::array<VectorRegister, 32> vector_registers_{};
  std::uint64_t pc_ = 0;
  std::uint64_t pstate_ = 0;
  std::array<std::uint64_t, kSwitchedRegisters.size()> registers_{};
};

}  // namespace axvm::aarch64
