#pragma once
// The virtual half of a GICv3 CPU interface (IHI 0069, chapters 6 and 12): what software at EL2
// puts into list registers, guests acknowledge and end through ICV_* registers, or through those of
// a GICv2 in memory, GICV_* (legacy operation), without an exit.

#include <array>
#include <cstdint>
#include <optional>
#include <sim/arch/aarch64/sysreg.hpp>
#include <sim/state.hpp>

namespace axvm::sim::aarch64 {

class VirtualCpuInterface {
 public:
  static constexpr unsigned kListRegisters = 4;
  /// The private interrupt of maintenance (BSA).
  static constexpr std::uint32_t kMaintenanceIntid = 25;
  /// What acknowledging finds when nothing can be taken (2.2.1).
  static constexpr std::uint32_t kSpurious = 1023;
  /// GICV_IAR: what is pending is of group 1, and GICV_CTLR.AckCtl is clear.
  static constexpr std::uint32_t kOtherGroup = 1022;
  /// Bytes of the GICV_* registers in memory (IHI 0048B, 5.5.1).
  static constexpr std::uint64_t kFrameSize = 0x2000;

  // --- EL2 (12.4) -----------------------------------------------------------------------------
  /// ICH_*_EL2; nothing when `r` is none of them.
  [[nodiscard]] std::optional<std::uint64_t> read_el2(SysReg r) const noexcept;
  /// True when `r` is one of them; read-only ones ignore it.
  bool write_el2(SysReg r, std::uint64_t value) noexcept;
  [[nodiscard]] std::uint64_t control() const noexcept { return hcr_; }
  /// ICC_SRE_EL1.SRE (12.2.23) is set: the guest's interface is ICV_*_EL1; else it is GICV_*. What
  /// VMs of the other kind have in ICH_VMCR_EL2 is lost when it changes.
  [[nodiscard]] bool has_system_registers() const noexcept { return (sre_ & 1) != 0; }

  // --- the guest (12.3) -----------------------------------------------------------------------
  /// ICV_*_EL1, which EL1 reaches by the name ICC_*_EL1. Reading an IAR acknowledges. Nothing: the
  /// register is absent or write-only.
  std::optional<std::uint64_t> read(SysReg r) noexcept;

  struct Written {
    bool taken = false;  ///< false: the register is absent or read-only
    /// A physical interrupt that ends with its virtual one (ICH_LR<n>_EL2.HW).
    std::optional<std::uint32_t> deactivated{};
  };
  Written write(SysReg r, std::uint64_t value) noexcept;
  /// Whether `r` can be read, or written, where ICC_SRE_EL1.SRE is set; that register itself is
  /// none of these.
  [[nodiscard]] static bool has(SysReg r, bool read) noexcept;

  // --- the guest's memory (12.15; IHI 0048B, 5.5) -----------------------------------------------
  /// The word at `offset` of the frame, a multiple of 4. What is no register, and every one while
  /// there are system registers instead, reads as zero. Reading an IAR acknowledges.
  std::uint32_t read_frame(std::uint64_t offset) noexcept;
  Written write_frame(std::uint64_t offset, std::uint32_t value) noexcept;

  // --- outputs --------------------------------------------------------------------------------
  /// Virtual IRQ and FIQ as the interface signals them to the CPU.
  [[nodiscard]] bool irq() const noexcept { return irq_; }
  [[nodiscard]] bool fiq() const noexcept { return fiq_; }
  /// The maintenance interrupt's level: ICH_MISR_EL2 is not 0.
  [[nodiscard]] bool maintenance() const noexcept { return misr_ != 0; }

  void describe(StateVisitor& v);

 private:
  static constexpr unsigned kNone = kListRegisters;

  [[nodiscard]] unsigned binary_point(unsigned group) const noexcept;
  [[nodiscard]] std::uint32_t group_mask(unsigned group) const noexcept;
  [[nodiscard]] bool group_enabled(unsigned group) const noexcept;
  /// The list register of the pending interrupt that comes first; kNone.
  [[nodiscard]] unsigned highest_pending() const noexcept;
  /// Whether that interrupt's priority suffices (4.8.6).
  [[nodiscard]] bool can_preempt(unsigned lr) const noexcept;
  [[nodiscard]] std::uint32_t running_priority() const noexcept;
  [[nodiscard]] std::uint32_t highest_pending_intid(unsigned group) const noexcept;
  [[nodiscard]] bool is_enabled() const noexcept;
  /// Which of the active priorities are those of `group`: a VM without system registers has one set
  /// for both, ICH_AP1R<n>_EL2 (12.4.2).
  [[nodiscard]] unsigned active_set(unsigned group) const noexcept {
    return has_system_registers() ? group : 1;
  }
  std::uint32_t acknowledge(unsigned group) noexcept;
  /// The interrupt in this list register becomes active.
  std::uint32_t take(unsigned lr) noexcept;
  /// What GICV_IAR and GICV_HPPIR, or their aliases for group 1, say about the interrupt in `lr`;
  /// nothing when that is its own number.
  [[nodiscard]] std::optional<std::uint32_t> hidden_as(unsigned lr, bool alias) const noexcept;
  Written end(unsigned group, std::uint32_t intid) noexcept;
  Written deactivate(std::uint32_t intid) noexcept;
  std::optional<std::uint32_t> deactivate_register(unsigned lr) noexcept;
  [[nodiscard]] unsigned find_active(std::uint32_t intid) const noexcept;
  void count_end() noexcept;
  void set_binary_point(unsigned group, std::uint64_t value) noexcept;
  [[nodiscard]] std::uint64_t ended() const noexcept;
  [[nodiscard]] std::uint64_t empty() const noexcept;
  void update() noexcept;

  std::uint64_t hcr_ = 0;                           ///< ICH_HCR_EL2
  std::uint64_t vmcr_ = 0;                          ///< ICH_VMCR_EL2
  std::uint64_t sre_ = 0;                           ///< ICC_SRE_EL1.SRE
  std::array<std::uint32_t, 2> active_{};           ///< ICH_AP0R0_EL2, ICH_AP1R0_EL2
  std::array<std::uint64_t, kListRegisters> lr_{};  ///< ICH_LR<n>_EL2

  // Derived from the above.
  std::uint64_t misr_ = 0;
  bool irq_ = false;
  bool fiq_ = false;
};

}  // namespace axvm::sim::aarch64
