#pragma once
// The core's view of one CPU's virtualization hardware, over a simulated pCPU.

#include <array>
#include <axvm/address.hpp>
#include <core/arch/aarch64/arch.hpp>
#include <core/arch/aarch64/hal.hpp>
#include <core/arch/aarch64/registers.hpp>
#include <cstdint>
#include <hal-sim/sim_hal.hpp>
#include <optional>
#include <sim/arch/aarch64/machine.hpp>
#include <sim/arch/aarch64/virtual_cpu_interface.hpp>
#include <span>

namespace axvm::hal_sim::aarch64 {

class SimCpu {
 public:
  using Arch = axvm::aarch64::Arch;
  using Machine = sim::aarch64::Machine;

  /// Enables the private interrupts that the VMM takes.
  explicit SimCpu(sim::aarch64::Pcpu& pcpu) : pcpu_(&pcpu) {
    for (const std::uint32_t intid :
         {kMaintenance, kHypervisorTimer, kVirtualTimer, kPhysicalTimer}) {
      pcpu.enable_interrupt(intid, true);
    }
  }

  template <axvm::aarch64::SysReg R>
  [[nodiscard]] std::uint64_t read() {
    return pcpu_->read<kEncoding<R>>();
  }
  template <axvm::aarch64::SysReg R>
  void write(std::uint64_t value) {
    pcpu_->write<kEncoding<R>>(value);
  }

  [[nodiscard]] std::uint64_t gpr(unsigned n) const { return pcpu_->gpr(n); }
  void set_gpr(unsigned n, std::uint64_t value) { pcpu_->set_gpr(n, value); }
  [[nodiscard]] axvm::aarch64::VectorRegister vreg(unsigned n) const {
    const auto [low, high] = pcpu_->vreg(n);
    return {low, high};
  }
  void set_vreg(unsigned n, axvm::aarch64::VectorRegister value) {
    pcpu_->set_vreg(n, {value.low, value.high});
  }

  axvm::aarch64::Vector enter_guest() {
    const auto vector = static_cast<axvm::aarch64::Vector>(pcpu_->enter_guest());
    if (vector == axvm::aarch64::Vector::Synchronous) {
      ++exits_.by_class[read<axvm::aarch64::SysReg::ESR_EL2>() >> 26 & 0x3F];
    }
    return vector;
  }

  [[nodiscard]] std::optional<HostPhysRange> gicv() const {
    const auto base = pcpu_->gicv();
    if (!base) return std::nullopt;
    return HostPhysRange{HostPhysAddr(*base), sim::aarch64::VirtualCpuInterface::kFrameSize};
  }

  // The simulated CPU carries each of these out before the next instruction: no barriers needed.
  void tlbi_ipas2e1is(GuestPhysAddr ipa) {
    pcpu_->tlbi(sim::aarch64::Tlbi::IPAS2E1IS, ipa.value >> kPageShift);
  }
  void tlbi_vmalle1is() { pcpu_->tlbi(sim::aarch64::Tlbi::VMALLE1IS, 0); }
  void tlbi_vmalls12e1is() { pcpu_->tlbi(sim::aarch64::Tlbi::VMALLS12E1IS, 0); }
  void at_s1e1r(GuestVirtAddr va) { pcpu_->at_s1(va.value, 1, false); }
  void at_s1e1w(GuestVirtAddr va) { pcpu_->at_s1(va.value, 1, true); }
  void at_s1e0r(GuestVirtAddr va) { pcpu_->at_s1(va.value, 0, false); }
  void at_s1e0w(GuestVirtAddr va) { pcpu_->at_s1(va.value, 0, true); }
  void synchronize() {}
  void publish_tables() {}
  void publish_data(std::span<std::byte> bytes) { pcpu_->dc_civac(bytes); }
  void publish_instructions() { pcpu_->ic_ialluis(); }

  // --- for ArchHal --------------------------------------------------------------------------
  std::uint32_t acknowledge_irq() {
    return pcpu_->stopped_by_owner() ? kHypervisorTimer : pcpu_->acknowledge_interrupt();
  }
  void end_irq(std::uint32_t intid) { pcpu_->end_interrupt(intid); }
  [[nodiscard]] static bool is_interrupt(const TrapTaken& trap) noexcept {
    return trap.cause == static_cast<std::uint64_t>(axvm::aarch64::Vector::Irq);
  }
  /// By exception class (ESR_EL2.EC).
  [[nodiscard]] const ExitCounts& exits() const noexcept { return exits_; }
  /// The instruction that a guest finds at `va`, at EL1 or else at EL0.
  [[nodiscard]] std::optional<std::uint32_t> instruction_at(const sim::PhysicalMemory& memory,
                                                            std::uint64_t va) const;

 private:
  // Interrupts of the timers (BSA): EL2's physical one, which also ends turns, and EL1's two.
  static constexpr std::uint32_t kMaintenance = 25;  // of the virtual interrupt interface
  static constexpr std::uint32_t kHypervisorTimer = 26;
  static constexpr std::uint32_t kVirtualTimer = 27;
  static constexpr std::uint32_t kPhysicalTimer = 30;

  template <axvm::aarch64::SysReg R>
  static constexpr sim::aarch64::SysReg kEncoding{static_cast<std::uint16_t>(R)};

  sim::aarch64::Pcpu* pcpu_;
  ExitCounts exits_;
};

static_assert(axvm::aarch64::VirtualizationHardware<SimCpu>);

}  // namespace axvm::hal_sim::aarch64
