#pragma once
// The vCPUs of all VMs in the image, numbered in one row: where each runs, and whether it was
// woken.

#include <array>
#include <atomic>
#include <axvm/address.hpp>
#include <axvm/config.hpp>
#include <cstddef>
#include <cstdint>
#include <hal-common/placement.hpp>
#include <hal-metal/guest.hpp>
#include <hal-metal/platform.hpp>
#include <span>

namespace axvm::hal_metal {

class GuestCpus {
 public:
  /// Places a VM's vCPUs on the first `cpus` physical CPUs. False when there are too many VMs or
  /// vCPUs, or none of the CPUs may run one of them. Before anybody else is asked about the VM.
  bool add(const VmConfig& config, unsigned cpus) noexcept {
    if (vms_ == kMaxVms || config.vcpus.size() > kMaxGuestCpus - count_) return false;
    vm_of_id_[config.id & kMaxVmId] = static_cast<std::uint8_t>(vms_);
    first_[vms_++] = count_;
    for (const VcpuConfig& vcpu : config.vcpus) {
      const auto cpu = hal_common::place_vcpu(vcpu.affinity_mask, std::span(load_).first(cpus));
      if (!cpu) return false;
      cpu_[count_++] = *cpu;
    }
    return true;
  }

  [[nodiscard]] unsigned count() const noexcept { return count_; }
  /// The VM's place in kGuests.
  [[nodiscard]] std::size_t vm_index(VmId vm) const noexcept { return vm_of_id_[vm.value]; }
  [[nodiscard]] unsigned number(VmId vm, VcpuId vcpu) const noexcept {
    return first_[vm_index(vm)] + vcpu.value;
  }
  /// The physical CPU that runs vCPU `number`.
  [[nodiscard]] unsigned cpu_of(unsigned number) const noexcept { return cpu_[number]; }

  void wake(unsigned number) noexcept {
    woken_.fetch_or(std::uint64_t{1} << number, std::memory_order_release);
  }
  /// Whether it was woken since this was asked last.
  [[nodiscard]] bool take_wake(unsigned number) noexcept {
    const std::uint64_t bit = std::uint64_t{1} << number;
    return (woken_.fetch_and(~bit, std::memory_order_acq_rel) & bit) != 0;
  }

 private:
  std::array<std::uint8_t, kMaxVmId + 1> vm_of_id_{};
  std::array<unsigned, kMaxVms> first_{};  ///< number of each VM's first vCPU
  std::array<unsigned, kMaxGuestCpus> cpu_{};
  std::array<unsigned, kMaxCpus> load_{};
  unsigned vms_ = 0;
  unsigned count_ = 0;
  std::atomic<std::uint64_t> woken_ = 0;  ///< one bit each
};

static_assert(kMaxGuestCpus == 64, "a word has a bit for each");

}  // namespace axvm::hal_metal
