#pragma once
// One physical CPU as the VMM uses it: its hardware, and whose registers it holds.

#include <array>
#include <axvm/address.hpp>
#include <axvm/config.hpp>
#include <axvm/result.hpp>
#include <axvm/state.hpp>
#include <core/vcpu/vcpu.hpp>
#include <cstdint>

namespace axvm {

/// `U` is the virtualization hardware of one CPU; `U::Arch` names its architecture.
///
/// A guest's registers stay in the CPU after run_vcpu ("resident"), so that the same vCPU goes on
/// at no cost. They move to memory when the CPU takes another vCPU, or on unload. Only code that
/// runs on this CPU may call anything but id().
template <class U>
class PerCpu {
 public:
  using Arch = typename U::Arch;

  /// `hardware` outlives this object.
  PerCpu(PcpuId id, U& hardware) noexcept : id_(id), hardware_(hardware) {}
  PerCpu(const PerCpu&) = delete;
  PerCpu& operator=(const PerCpu&) = delete;
  ~PerCpu() {
    if (enabled_) disable();
  }

  [[nodiscard]] PcpuId id() const noexcept { return id_; }
  [[nodiscard]] U& hardware() noexcept { return hardware_; }
  [[nodiscard]] bool is_enabled() const noexcept { return enabled_; }

  /// Prepares the CPU for guests. Errors: BadState (already), Unsupported (it lacks a feature).
  Result<> hardware_enable() {
    if (enabled_) return fail(ErrorKind::BadState, "hardware_enable"sv, "already enabled"sv);
    if (auto done = Arch::enable(hardware_); !done) return done;
    enabled_ = true;
    return {};
  }

  /// Takes guests off the CPU, saving the resident vCPU. Errors: BadState (not enabled).
  Result<> hardware_disable() {
    if (!enabled_) return fail(ErrorKind::BadState, "hardware_disable"sv, "not enabled"sv);
    disable();
    return {};
  }

  /// The vCPU whose registers are in this CPU; null when none are.
  [[nodiscard]] VCpu<U>* resident() const noexcept { return resident_; }

  /// Makes `vcpu` resident. Errors: ResourceBusy (its registers are in another CPU).
  Result<> load(VCpu<U>& vcpu, const typename Arch::VmControls& controls) {
    if (resident_ == &vcpu) return {};
    if (vcpu.residence() != nullptr) {
      return fail(ErrorKind::ResourceBusy, "run_vcpu"sv, "its registers are in another CPU"sv);
    }
    unload();
    vcpu.context().load(hardware_, controls);
    Arch::load_interrupts(hardware_, vcpu.interrupts());
    // CPUs of one VM may use one ASID for different tables: a local TLB must not mix them.
    auto& last = last_of_vm_[vcpu.vm().value];
    const auto mark = static_cast<std::uint8_t>(vcpu.id().value + 1);
    if (last != 0 && last != mark) Arch::forget_guest_translations(hardware_);
    last = mark;
    Arch::arrive(hardware_, vcpu.context(), id_);
    resident_ = &vcpu;
    vcpu.set_residence(this);
    return {};
  }

  /// Saves the resident vCPU's registers, if there is one.
  void unload() {
    if (resident_ == nullptr) return;
    resident_->context().save(hardware_);
    Arch::save_interrupts(hardware_, resident_->interrupts(), [this](std::uint32_t intid) {
      static_cast<void>(take_forwarded(intid));
    });
    forget();
  }
  /// The same, if it is `vcpu`.
  void unload(const VCpu<U>& vcpu) {
    if (resident_ == &vcpu) unload();
  }

  /// Drops the resident vCPU without saving it: it is gone, or will be reset.
  void forget() noexcept {
    if (resident_ == nullptr) return;
    resident_->set_residence(nullptr);
    resident_ = nullptr;
  }
  void forget(const VCpu<U>& vcpu) noexcept {
    if (resident_ == &vcpu) forget();
  }

  // --- physical interrupts that stand for a guest's -----------------------------------------

  /// The private interrupt `intid` < 32 is active here on behalf of the resident vCPU.
  void forward(std::uint32_t intid) noexcept { forwarded_ |= 1U << intid; }
  [[nodiscard]] bool is_forwarded(std::uint32_t intid) const noexcept {
    return intid < 32 && ((forwarded_ >> intid) & 1) != 0;
  }
  [[nodiscard]] std::uint32_t forwarded() const noexcept { return forwarded_; }
  /// True once, for the caller who then ends it.
  bool take_forwarded(std::uint32_t intid) noexcept {
    if (!is_forwarded(intid)) return false;
    forwarded_ &= ~(1U << intid);
    return true;
  }
  /// Ends those of vCPUs that were resident before. Precondition: none is resident now.
  template <class H>
  void end_forwarded(H& hal) {
    for (std::uint32_t intid = 0; forwarded_ != 0; ++intid) {
      if (take_forwarded(intid)) hal.end_irq(intid);
    }
  }

  /// The registers of `vcpu`, which is resident nowhere, are in this CPU: its hardware has been
  /// restored.
  void adopt(VCpu<U>& vcpu) noexcept {
    forget();
    resident_ = &vcpu;
    vcpu.set_residence(this);
  }

  /// But for whose registers it holds, which the vCPU says.
  void describe(StateVisitor& visitor) {
    visitor.value("enabled"sv, enabled_);
    visitor.value("forwarded"sv, forwarded_);
    visitor.bytes("last_of_vm"sv, std::as_writable_bytes(std::span(last_of_vm_)));
  }

 private:
  void disable() {
    unload();
    Arch::disable(hardware_);
    enabled_ = false;
  }

  PcpuId id_;
  U& hardware_;
  VCpu<U>* resident_ = nullptr;
  bool enabled_ = false;
  std::uint32_t forwarded_ = 0;  ///< one bit per private interrupt
  /// Per VMID, 1 + the vCPU that ran here last; 0: none since the CPU was made.
  std::array<std::uint8_t, kMaxVmId + 1> last_of_vm_{};
};

template <class U>
VCpu<U>::~VCpu() {
  if (PerCpu<U>* cpu = residence()) cpu->forget(*this);
}

}  // namespace axvm
