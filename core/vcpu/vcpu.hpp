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

template <class U>
class VCpu {
 public:
  using Arch = typename U::Arch;
  using Context = typename Arch::VCpuContext;

  VCpu(VmId vm, VcpuId id, std::uint64_t phys_id, std::uint64_t affinity_mask) noexcept
      : vm_(vm), id_(id), phys_id_(phys_id), affinity_mask_(affinity_mask), context_(phys_id) {}
  VCpu(const VCpu&) = delete;
  VCpu& operator=(const VCpu&) = delete;
  /// Its registers may still be in a CPU that does not run them; they are forgotten.
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
  [[nodiscard]] PerCpu<U>* residence() const noexcept { return residence_; }

  [[nodiscard]] PowerState power() const noexcept {
    return static_cast<PowerState>(power_.load(std::memory_order_acquire));
  }
  /// Off -> OnPending for exactly one caller, who then resets the context and calls power_on().
  [[nodiscard]] bool claim_power_on() noexcept {
    auto expected = static_cast<std::uint32_t>(PowerState::Off);
    return power_.compare_exchange_strong(expected,
                                          static_cast<std::uint32_t>(PowerState::OnPending));
  }
  void power_on() noexcept { set_power(PowerState::On); }
  void power_off() noexcept { set_power(PowerState::Off); }

  void describe(StateVisitor& visitor) {
    state_.describe(visitor);
    auto power = static_cast<std::uint64_t>(power_.load(std::memory_order_relaxed));
    visitor.field("power"sv, power);
    power_.store(static_cast<std::uint32_t>(power), std::memory_order_relaxed);
    if (residence_ == nullptr) context_.describe(visitor);
  }

 private:
  friend class PerCpu<U>;
  void set_power(PowerState power) noexcept {
    power_.store(static_cast<std::uint32_t>(power), std::memory_order_release);
  }

  VmId vm_;
  VcpuId id_;
  std::uint64_t phys_id_;
  std::uint64_t affinity_mask_;
  VCpuStateMachine state_;
  std::atomic<std::uint32_t> power_{static_cast<std::uint32_t>(PowerState::Off)};
  PerCpu<U>* residence_ = nullptr;
  Context context_;
};

}  // namespace axvm
