#pragma once
// G-stage TLB maintenance for one VM ("Hypervisor Memory-Management Fence Instructions").

#include <axvm/address.hpp>
#include <core/arch/riscv64/control.hpp>
#include <core/arch/riscv64/hal.hpp>
#include <cstddef>
#include <span>

namespace axvm::riscv64 {

/// Maintenance reaches every hart, for the VMID of `controls`, whichever VM is loaded there. What a
/// hart remembers of both stages combined, HFENCE.GVMA makes it forget, too.
template <VirtualizationHardware U>
class GStageTlb {
 public:
  GStageTlb(U& cpu, const VmControls& controls) noexcept : cpu_(cpu), hgatp_(controls.hgatp) {}

  void invalidate(GuestPhysRange range) {
    cpu_.publish_tables();
    cpu_.remote_hfence_gvma(vmid(), range);
  }
  void invalidate_all() {
    cpu_.publish_tables();
    cpu_.remote_hfence_gvma(vmid());
  }
  /// A hart may remember that there was nothing: it faults, and forgets_fault() helps.
  void publish() { cpu_.publish_tables(); }
  void publish_data(std::span<std::byte> bytes) { cpu_.publish_data(bytes); }
  /// Makes this hart forget that an access to `address` was refused.
  void forget_fault(GuestPhysAddr address) { cpu_.hfence_gvma(address, vmid()); }
  /// Takes the table from this hart, whose walks could otherwise still find it. Before a table is
  /// freed, every hart that has had it gives it up; then everything is invalidated, once.
  void give_up() {
    if (cpu_.template read<Csr::hgatp>() == hgatp_) cpu_.template write<Csr::hgatp>(0);
  }

 private:
  [[nodiscard]] Vmid vmid() const noexcept {
    return Vmid(static_cast<std::uint32_t>(hgatp_ >> hgatp::kVmidShift & hgatp::kVmidMask));
  }

  U& cpu_;
  std::uint64_t hgatp_;
};

}  // namespace axvm::riscv64
