#pragma once
// A virtual CPU: identity, state, power, and the architecture's registers while in memory.

#include <atomic>
#include <axvm/address.hpp>
#include <axvm/state.hpp>
#include <axvm/vcpu.hpp>
#include <core/vcpu/state_machine.hpp>
#include <cstdint>

namespace axvm {

template <class U>
class PerCpu;

/// Where a vCPU begins when it is powered on with the VM, and what its first register holds.
struct ResetVector {
  GuestPhysAddr entry;
  std::uint64_t argument = 0;
};

template <class U>
class VCpu {
 public:
  using Arch = typename U::Arch;
  using Context = typename Arch::VCpuContext;
  using Interrupts = typename Arch::Interrupts;

  VCpu(VmId vm, VcpuId id, std::uint64_t phys_id, std::uint64_t affinity_mask,
       ResetVector reset_vector = {}) noexcept
      : vm_(vm),
        id_(id),
        phys_id_(phys_id),
        affinity_mask_(affinity_mask),
        reset_vector_(reset_vector),
        context_(phys_id) {
    reset();
  }
  VCpu(const VCpu&) = delete;
  VCpu& operator=(const VCpu&) = delete;
  /// Precondition: resident nowhere, or in a CPU that this code runs on.
  ~VCpu();

  [[nodiscard]] VmId vm() const noexcept { return vm_; }
  [[nodiscard]] VcpuId id() const noexcept { return id_; }
  [[nodiscard]] bool is_bsp() const noexcept { return id_.value == 0; }
  [[nodiscard]] std::uint64_t phys_id() const noexcept { return phys_id_; }
  [[nodiscard]] std::uint64_t affinity_mask() const noexcept { return affinity_mask_; }

  [[nodiscard]] VCpuStateMachine& state() noexcept { return state_; }
  [[nodiscard]] const VCpuStateMachine& state() const noexcept { return state_; }

  /// The registers. Stale while the vCPU is resident in a CPU.
  [[nodiscard]] Context& context() noexcept { return context_; }
  /// The CPU that holds the registers; null when none does. Only that CPU, and whoever has made
  /// the vCPU Running, may change it. Sequentially consistent, for the sake of RunControl::kick().
  [[nodiscard]] PerCpu<U>* residence() const noexcept { return residence_.load(); }

  [[nodiscard]] Interrupts& interrupts() noexcept { return interrupts_; }

  /// As when the VM was made: the first vCPU on, the others off. It is resident nowhere.
  void reset() noexcept {
    context_.reset(reset_vector_.entry, reset_vector_.argument);
    interrupts_.reset_registers();
    set_power(is_bsp() ? PowerState::On : PowerState::Off);
  }

  [[nodiscard]] PowerState power() const noexcept {
    return static_cast<PowerState>(power_.load(std::memory_order_acquire));
  }
  /// Off -> OnPending for exactly one caller, who then resets the context and calls power_on().
  [[nodiscard]] bool claim_power_on() noexcept {
    auto expected = static_cast<std::uint32_t>(PowerState::Off);
    if (!power_.compare_exchange_strong(expected,
                                        static_cast<std::uint32_t>(PowerState::OnPending))) {
      return false;
    }
    interrupts_.reset_registers();
    return true;
  }
  void power_on() noexcept { set_power(PowerState::On); }
  void power_off() noexcept { set_power(PowerState::Off); }

  /// The registers are described as they are in memory, where they are stale while it is resident.
  void describe(StateVisitor& visitor) {
    visitor.field("reset_entry"sv, reset_vector_.entry.value);
    visitor.field("reset_argument"sv, reset_vector_.argument);
    state_.describe(visitor);
    auto power = static_cast<std::uint64_t>(power_.load(std::memory_order_relaxed));
    visitor.field("power"sv, power);
    power_.store(static_cast<std::uint32_t>(power), std::memory_order_relaxed);
    interrupts_.describe(visitor);
    context_.describe(visitor);
  }

 private:
  friend class PerCpu<U>;
  void set_residence(PerCpu<U>* cpu) noexcept { residence_.store(cpu); }
  void set_power(PowerState power) noexcept {
    power_.store(static_cast<std::uint32_t>(power), std::memory_order_release);
  }

  VmId vm_;
  VcpuId id_;
  std::uint64_t phys_id_;
  std::uint64_t affinity_mask_;
  ResetVector reset_vector_;
  VCpuStateMachine state_;
  std::atomic<std::uint32_t> power_{static_cast<std::uint32_t>(PowerState::Off)};
  std::atomic<PerCpu<U>*> residence_{nullptr};
  Interrupts interrupts_;
  Context context_;
};

}  // namespace axvm
