#pragma once
// Calls of a guest to the VMM itself, with upstream's numbers. How they arrive is the
// architecture's business (AArch64: HVC with the number in X0, arguments in X1..;
// RISC-V: ECALL with the number in a6, arguments in a0..).

#include <array>
#include <axvm/address.hpp>
#include <axvm/config.hpp>
#include <axvm/hal.hpp>
#include <axvm/ivc.hpp>
#include <axvm/result.hpp>
#include <axvm/vcpu.hpp>
#include <core/vm/ivc_calls.hpp>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace axvm {

enum class Hypercall : std::uint8_t {
  HypervisorDisable = 0,  ///< (): ends the VM; only as PrepareDisable allows
  HypervisorPrepareDisable =
      1,                      ///< (): whether this is the only vCPU that is on; leaves all channels
  HypervisorDebug = 2,        ///< (text, length): a line for the VMM's log
  IvcPublishChannel = 3,      ///< (key, &base, &size)
  IvcSubscribeChannel = 4,    ///< (publisher, key, &base, &size)
  IvcUnpublishChannel = 5,    ///< (key)
  IvcUnsubscribeChannel = 6,  ///< (publisher, key)
  IvcNotify = 7,              ///< (publisher, key, target): interrupts another member
};
inline constexpr std::uint64_t kHypercallCount = 8;

/// "HIVCPublishChannel", as upstream spells it.
[[nodiscard]] std::string_view to_string(Hypercall call) noexcept;

/// What a hypercall returns: 0, or one of these.
enum class HypercallStatus : std::int64_t {
  Success = 0,
  NotSupported = -1,       ///< no such call, or the VM is not configured for it
  InvalidParameters = -2,  ///< a number is out of range
  Denied = -3,             ///< the state does not admit it
  AlreadyExists = -4,
  NotFound = -5,
  NoMemory = -6,
  Busy = -7,            ///< as many as there may be
  InvalidAddress = -9,  ///< a pointer is unaligned or not to memory that allows it
};

[[nodiscard]] HypercallStatus hypercall_status(const Result<>& result) noexcept;

/// Bytes of a line for the log; longer ones are refused.
inline constexpr std::uint64_t kMaxDebugText = 256;

/// `Vm` is VmServices.
template <class Vm>
class Hypercalls {
 public:
  using Arguments = std::array<std::uint64_t, 4>;

  Hypercalls(Vm& vm, VcpuId caller) noexcept : vm_(vm), caller_(caller) {}

  /// Every call but HypervisorDisable's end of the VM, which is the caller's to carry out when this
  /// says Success. `call` < kHypercallCount.
  HypercallStatus handle(Hypercall call, const Arguments& x) {
    IvcCalls<Vm> ivc(vm_);
    switch (call) {
      case Hypercall::HypervisorDisable:
        return may_disable() && !ivc.is_member() ? HypercallStatus::Success
                                                 : HypercallStatus::Denied;
      case Hypercall::HypervisorPrepareDisable:
        if (!may_disable()) return HypercallStatus::Denied;
        ivc.leave_all();
        return HypercallStatus::Success;
      case Hypercall::HypervisorDebug: return debug(GuestPhysAddr(x[0]), x[1]);
      case Hypercall::IvcPublishChannel:
        return hypercall_status(ivc.publish(x[0], GuestPhysAddr(x[1]), GuestPhysAddr(x[2])));
      case Hypercall::IvcSubscribeChannel:
        return for_vm(x[0], [&](VmId publisher) {
          return ivc.subscribe(publisher, x[1], GuestPhysAddr(x[2]), GuestPhysAddr(x[3]));
        });
      case Hypercall::IvcUnpublishChannel: return hypercall_status(ivc.unpublish(x[0]));
      case Hypercall::IvcUnsubscribeChannel:
        return for_vm(x[0], [&](VmId publisher) { return ivc.unsubscribe(publisher, x[1]); });
      case Hypercall::IvcNotify:
        return for_vm(x[0], [&](VmId publisher) {
          return x[2] > kMaxVmId ? no_vm() : ivc.notify(publisher, x[1], vm_id(x[2]));
        });
    }
    return HypercallStatus::NotSupported;
  }

 private:
  static VmId vm_id(std::uint64_t n) { return VmId(static_cast<std::uint32_t>(n)); }
  static Result<> no_vm() {
    return fail(ErrorKind::NotFound, "hypercall"sv, "no VM has such an id"sv);
  }
  template <class F>
  static HypercallStatus for_vm(std::uint64_t id, const F& f) {
    return hypercall_status(id > kMaxVmId ? no_vm() : f(vm_id(id)));
  }

  /// The VM runs on nothing but the calling vCPU.
  [[nodiscard]] bool may_disable() const {
    for (const auto& vcpu : vm_.vcpus()) {
      if (vcpu.id() != caller_ && vcpu.power() != PowerState::Off) return false;
    }
    return true;
  }

  HypercallStatus debug(GuestPhysAddr text, std::uint64_t length) {
    if (length > kMaxDebugText) return HypercallStatus::InvalidParameters;
    std::array<std::byte, kMaxDebugText> bytes{};
    const auto here = std::span(bytes).first(static_cast<std::size_t>(length));
    const auto done = vm_.with_memory([&](auto& space, auto&) { return space.read(text, here); });
    if (!done) return HypercallStatus::InvalidAddress;
    // What is not printable might command the terminal that the log goes to.
    std::array<char, kMaxDebugText> line{};
    for (std::size_t n = 0; n < here.size(); ++n) {
      const char c = static_cast<char>(here[n]);
      line[n] = c >= ' ' && c <= '~' ? c : '?';
    }
    vm_.hal().log(LogLevel::Info, {line.data(), here.size()});
    return HypercallStatus::Success;
  }

  Vm& vm_;
  VcpuId caller_;
};

}  // namespace axvm
