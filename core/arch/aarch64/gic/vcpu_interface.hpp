#pragma once
// One vCPU's part of its VM's interrupt controller: private interrupts, what is in list registers,
// and the registers of its CPU interface while they are in memory.

#include <array>
#include <atomic>
#include <axvm/state.hpp>
#include <core/arch/aarch64/gic/interrupt_bank.hpp>
#include <core/arch/aarch64/gic/list_register.hpp>
#include <cstdint>

namespace axvm::aarch64 {

class Gic;

/// ICH_VMCR_EL2 at reset: the smallest binary points that five bits of priority allow, all else off
/// (IHI 0069, 12.4.8).
inline constexpr std::uint64_t kResetVmcr = 2ULL << 21 | 3ULL << 18;

class VcpuInterface {
 public:
  VcpuInterface() noexcept { reset_registers(); }
  VcpuInterface(const VcpuInterface&) = delete;
  VcpuInterface& operator=(const VcpuInterface&) = delete;

  /// Null while the VM's interrupts are not emulated.
  [[nodiscard]] Gic* gic() const noexcept { return gic_; }
  /// The guest's part of it is GICV_* in memory, not system registers: it sees a GICv2.
  [[nodiscard]] bool is_in_memory() const noexcept { return is_in_memory_; }
  void put_in_memory() noexcept { is_in_memory_ = true; }
  /// Which of the controller's vCPUs this is.
  [[nodiscard]] unsigned index() const noexcept { return index_; }
  void attach(Gic& gic, unsigned index) noexcept {
    gic_ = &gic;
    index_ = index;
  }

  /// The CPU is powered on: its interface is as after reset; what is pending stays.
  void reset_registers() noexcept {
    vmcr = kResetVmcr;
    active_priorities = {};
    mark_changed();
  }

  /// Whether what list registers should hold may have changed since the last call. Sequentially
  /// consistent: a CPU that is about to enter the guest sees the change, or whoever has made it
  /// sees the vCPU Running there, and kicks it.
  [[nodiscard]] bool take_changed() noexcept {
    if (changed_.load() == 0) [[likely]]
      return false;
    return changed_.exchange(0) != 0;
  }
  [[nodiscard]] bool changed() const noexcept { return changed_.load() != 0; }
  void mark_changed() noexcept { changed_.store(1); }

  void describe(StateVisitor& visitor) {
    visitor.field("vmcr"sv, vmcr);
    visitor.value("active_priorities0"sv, active_priorities[0]);
    visitor.value("active_priorities1"sv, active_priorities[1]);
    auto changed = static_cast<std::uint64_t>(changed_.load(std::memory_order_relaxed));
    visitor.field("changed"sv, changed);
    changed_.store(changed != 0 ? 1 : 0, std::memory_order_relaxed);
  }

  /// ICH_VMCR_EL2, ICH_AP0R0_EL2, ICH_AP1R0_EL2 while the vCPU is resident nowhere.
  std::uint64_t vmcr = kResetVmcr;
  std::array<std::uint32_t, 2> active_priorities{};

 private:
  Gic* gic_ = nullptr;
  unsigned index_ = 0;
  bool is_in_memory_ = false;
  std::atomic<std::uint32_t> changed_{1};  ///< a flag, as wide as atomic exchange is everywhere
};

}  // namespace axvm::aarch64
