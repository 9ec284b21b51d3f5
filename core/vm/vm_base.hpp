#pragma once
// A VM as hosts and shells see it, whatever its architecture and HAL.

#include <axvm/address.hpp>
#include <axvm/config.hpp>
#include <axvm/exit.hpp>
#include <axvm/function_ref.hpp>
#include <axvm/memory.hpp>
#include <axvm/result.hpp>
#include <axvm/state.hpp>
#include <axvm/vcpu.hpp>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace axvm {

/// Where a VM is in its life. Only forwards: a VM that has shut down is destroyed, not restarted.
enum class VmStatus : std::uint8_t {
  Ready = 0,     ///< created; images may be loaded
  Running = 1,   ///< booted
  Stopping = 2,  ///< shutting down: run_vcpu refuses, vCPUs inside the guest are being kicked
};

/// The status in lower case ("running").
[[nodiscard]] std::string_view to_string(VmStatus status) noexcept;

struct VcpuStatus {
  VCpuState state = VCpuState::Invalid;
  PowerState power = PowerState::Off;
  std::uint64_t phys_id = 0;        ///< as the guest sees it (AArch64: MPIDR affinity)
  std::uint64_t affinity_mask = 0;  ///< physical CPUs that may run it
};

/// Receives the host's view of a guest range, piece by piece in ascending order.
using GuestSpanVisitor = FunctionRef<void(std::span<std::byte>)>;

/// All calls that can fail leave the VM as it was when they do.
class VmBase : public RefCounted {
 public:
  virtual ~VmBase() = default;
  /// Objects of the core live in memory of the HAL and are freed by their Ref or Box.
  static void operator delete(void*) noexcept {}

  [[nodiscard]] VmId id() const noexcept { return id_; }
  [[nodiscard]] virtual std::string_view name() const noexcept { return {}; }
  [[nodiscard]] virtual VmStatus status() const noexcept { return VmStatus::Ready; }
  [[nodiscard]] bool running() const noexcept { return status() == VmStatus::Running; }
  [[nodiscard]] bool shutting_down() const noexcept { return status() == VmStatus::Stopping; }

  /// Admits run_vcpu. Errors: BadState (running or shutting down), Unsupported (this CPU's
  /// virtualization hardware is not enabled).
  virtual Result<> boot() { return unimplemented("boot"sv); }

  /// Ends the VM: run_vcpu refuses from now on, and vCPUs that run elsewhere are kicked.
  /// Errors: BadState (already shutting down).
  virtual Result<> shutdown() { return unimplemented("shutdown"sv); }

  /// Runs a vCPU on this CPU until something happens that the core does not complete by itself.
  /// Always leaves the vCPU Free. Errors: InvalidInput (no such vCPU), BadState (VM not running,
  /// vCPU powered off or in use, this CPU not enabled), ResourceBusy (its registers are still in
  /// another CPU: unload_vcpu there first), NoMemory (the guest touched memory that cannot be
  /// backed; the access has not happened).
  virtual Result<ExitReason> run_vcpu(VcpuId vcpu) {
    static_cast<void>(vcpu);
    return unimplemented("run_vcpu"sv);
  }

  /// Moves the registers of a vCPU that last ran on this CPU into memory, so that another CPU may
  /// run it. Does nothing when they are there already. Errors: InvalidInput (no such vCPU),
  /// BadState (in use), ResourceBusy (they are in another CPU).
  virtual Result<> unload_vcpu(VcpuId vcpu) {
    static_cast<void>(vcpu);
    return unimplemented("unload_vcpu"sv);
  }

  [[nodiscard]] virtual std::size_t vcpu_num() const noexcept { return 0; }
  /// Errors: InvalidInput (no such vCPU).
  [[nodiscard]] virtual Result<VcpuStatus> vcpu_status(VcpuId vcpu) const {
    static_cast<void>(vcpu);
    return unimplemented("vcpu_status"sv);
  }

  /// Visits the memory behind [gpa, gpa + size) to load an image there, backing lazy pages first.
  /// What the visitor writes is visible to the guest's accesses and fetches afterwards. All of it
  /// is visited, or none. Errors: BadAddress (part of it is not memory of the guest),
  /// NoMemory.
  virtual Result<> get_image_load_region(GuestPhysAddr gpa, std::uint64_t size,
                                         GuestSpanVisitor visit) {
    static_cast<void>(gpa), static_cast<void>(size), static_cast<void>(visit);
    return unimplemented("get_image_load_region"sv);
  }

  /// Copies bytes of guest memory. Lazy pages that were never touched read as zeroes and are
  /// backed when written. Errors: BadAddress (part of it is not memory; nothing is copied),
  /// NoMemory.
  virtual Result<> read_from_guest(GuestPhysAddr gpa, std::span<std::byte> to) {
    static_cast<void>(gpa), static_cast<void>(to);
    return unimplemented("read_from_guest"sv);
  }
  virtual Result<> write_to_guest(GuestPhysAddr gpa, std::span<const std::byte> from) {
    static_cast<void>(gpa), static_cast<void>(from);
    return unimplemented("write_to_guest"sv);
  }

  /// The stage-2 table's root. Named as in the seed.
  [[nodiscard]] virtual HostPhysAddr ept_root() const noexcept { return {}; }
  /// Where stage 2 leads; nothing when it faults.
  [[nodiscard]] virtual std::optional<HostPhysAddr> translate(GuestPhysAddr gpa) {
    static_cast<void>(gpa);
    return std::nullopt;
  }

  [[nodiscard]] virtual std::size_t device_count() const noexcept { return 0; }
  [[nodiscard]] virtual InterruptMode interrupt_mode() const noexcept { return {}; }

  /// Everything of the VM that is not in RAM or in a CPU.
  virtual void describe(StateVisitor& visitor) { static_cast<void>(visitor); }

 protected:
  explicit VmBase(VmId id) noexcept : id_(id) {}

 private:
  static std::unexpected<Error> unimplemented(std::string_view operation) noexcept {
    return fail(ErrorKind::Unsupported, operation, "not offered by this kind of VM"sv);
  }

  VmId id_;
};

}  // namespace axvm
