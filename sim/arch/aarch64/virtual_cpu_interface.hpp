#pragma once
// The virtual half of a GICv3 CPU interface (IHI 0069, chapters 6 and 12): what software at EL2
// puts into list registers, guests acknowledge and end through ICV_* registers, without an exit.

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

  // --- EL2 (12.4) -----------------------------------------------------------------------------
  /// ICH_*_EL2; nothing when `r` is none of them.
  [[nodiscard]] std::optional<std::uint64_t> read_el2(SysReg r) const noexcept;
  /// True when `r` is one of them; read-only ones ignore it.
  bool write_el2(SysReg r, std::uint64_t value) noexcept;
  [[nodiscard]] std::uint64_t control() const noexcept { return hcr_; }

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
  std::uint32_t acknowledge(unsigned group) noexcept;
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
  std::array<std::uint32_t, 2> active_{};           ///< ICH_AP0R0_EL2, ICH_AP1R0_EL2
  std::array<std::uint64_t, kListRegisters> lr_{};  ///< ICH_LR<n>_EL2

  // Derived from the above.
  std::uint64_t misr_ = 0;
  bool irq_ = false;
  bool fiq_ = false;
};

}  // namespace axvm::sim::aarch64
