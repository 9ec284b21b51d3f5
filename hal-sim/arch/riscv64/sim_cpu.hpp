#pragma once
// The core's view of one hart's virtualization hardware, over a simulated hart.

#include <axvm/address.hpp>
#include <core/arch/riscv64/arch.hpp>
#include <core/arch/riscv64/hal.hpp>
#include <cstdint>
#include <hal-sim/sim_hal.hpp>
#include <optional>
#include <sim/arch/riscv64/machine.hpp>
#include <span>

namespace axvm::hal_sim::riscv64 {

class SimCpu {
 public:
  using Arch = axvm::riscv64::Arch;
  using Machine = sim::riscv64::Machine;

  explicit SimCpu(sim::riscv64::Pcpu& hart) noexcept : hart_(&hart) {}

  template <axvm::riscv64::Csr C>
  [[nodiscard]] std::uint64_t read() {
    return hart_->read<kNumber<C>>();
  }
  template <axvm::riscv64::Csr C>
  void write(std::uint64_t value) {
    hart_->write<kNumber<C>>(value);
  }

  [[nodiscard]] std::uint64_t gpr(unsigned n) const { return hart_->gpr(n); }
  void set_gpr(unsigned n, std::uint64_t value) { hart_->set_gpr(n, value); }
  [[nodiscard]] std::uint64_t fpr(unsigned n) const { return hart_->fpr(n); }
  void set_fpr(unsigned n, std::uint64_t value) { hart_->set_fpr(n, value); }
  void clear_reservation() { hart_->clear_reservation(); }

  std::uint64_t enter_guest() {
    const std::uint64_t scause = hart_->enter_guest();
    if (scause < exits_.by_class.size()) ++exits_.by_class[scause];
    return scause;
  }

  [[nodiscard]] std::optional<std::uint64_t> hlv(GuestVirtAddr va, AccessWidth width) {
    return hart_->hlv(va.value, bytes(width));
  }
  [[nodiscard]] std::optional<std::uint16_t> hlvx(GuestVirtAddr va) {
    return hart_->hlvx(va.value);
  }
  bool hsv(GuestVirtAddr va, AccessWidth width, std::uint64_t value) {
    return hart_->hsv(va.value, bytes(width), value);
  }

  void hfence_gvma(GuestPhysAddr gpa, Vmid vmid) { hart_->hfence_gvma(gpa.value, number(vmid)); }
  void hfence_gvma(Vmid vmid) { hart_->hfence_gvma(number(vmid)); }
  void hfence_vvma() { hart_->hfence_vvma(); }
  void remote_hfence_gvma(Vmid vmid, GuestPhysRange range) {
    hart_->remote_hfence_gvma(number(vmid), range.base.value, range.size);
  }
  void remote_hfence_gvma(Vmid vmid) { hart_->remote_hfence_gvma(number(vmid)); }
  void remote_hfence_vvma() { hart_->remote_hfence_vvma(); }
  void remote_hfence_vvma(GuestVirtAddr start, std::uint64_t size,
                          std::optional<std::uint64_t> asid) {
    hart_->remote_hfence_vvma(
        start.value, size, asid ? std::optional(static_cast<std::uint16_t>(*asid)) : std::nullopt);
  }
  void remote_fence_i() { hart_->remote_fence_i(); }

  [[nodiscard]] static std::uint64_t timebase_frequency() noexcept { return kTimebase; }

  // The simulated hart carries each store out before the next instruction.
  void publish_tables() {}
  void publish_data(std::span<std::byte> bytes) { hart_->written(bytes); }
  void publish_instructions() { hart_->remote_fence_i(); }

  // --- for ArchHal --------------------------------------------------------------------------
  /// The number of the interrupt in scause.
  std::uint32_t acknowledge_irq() { return hart_->stopped_by_owner() ? kSupervisorTimer : kNone; }
  void end_irq(std::uint32_t) {}
  [[nodiscard]] static bool is_interrupt(const TrapTaken& trap) noexcept {
    return trap.syndrome >> 63 != 0;
  }
  /// By exception code.
  [[nodiscard]] const ExitCounts& exits() const noexcept { return exits_; }
  /// The instruction that a guest finds at `va` in VS-mode or else in VU-mode; only its two lowest
  /// bytes where the others are in a page that cannot be fetched from.
  [[nodiscard]] std::optional<std::uint32_t> instruction_at(const sim::PhysicalMemory& memory,
                                                            std::uint64_t va) const;

 private:
  static constexpr std::uint64_t kTimebase = 10'000'000;
  static constexpr std::uint32_t kSupervisorTimer = 5;
  static constexpr std::uint32_t kNone = 1023;

  template <axvm::riscv64::Csr C>
  static constexpr sim::riscv64::Csr kNumber{static_cast<std::uint16_t>(C)};
  static constexpr std::uint16_t number(Vmid vmid) noexcept {
    return static_cast<std::uint16_t>(vmid.value);
  }

  sim::riscv64::Pcpu* hart_;
  ExitCounts exits_;
};

static_assert(axvm::riscv64::VirtualizationHardware<SimCpu>);

}  // namespace axvm::hal_sim::riscv64
