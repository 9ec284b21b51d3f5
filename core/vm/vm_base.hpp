#pragma once
// A VM as hosts and shells see it, whatever its architecture and HAL.

#include <array>
#include <axvm/address.hpp>
#include <axvm/config.hpp>
#include <axvm/exit.hpp>
#include <axvm/function_ref.hpp>
#include <axvm/guest_object.hpp>
#include <axvm/memory.hpp>
#include <axvm/region.hpp>
#include <axvm/result.hpp>
#include <axvm/state.hpp>
#include <axvm/vm.hpp>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace axvm {

/// Receives the host's view of a guest range, piece by piece in ascending order.
using GuestSpanVisitor = FunctionRef<void(std::span<std::byte>)>;

/// Called to load images into the memory of a VM that is being reset.
class VmBase;
using ImageLoader = FunctionRef<Result<>(VmBase&)>;

/// All calls that can fail leave the VM as it was when they do. AxVM overrides every virtual one.
/// They have bodies (Unsupported) only because pure ones would need __cxa_pure_virtual of the C++
/// runtime, which the core is not linked with.
class VmBase : public RefCounted {
 public:
  virtual ~VmBase() = default;
  /// Objects of the core live in memory of the HAL and are freed by their Ref or Box.
  static void operator delete(void*) noexcept {}

  [[nodiscard]] VmId id() const noexcept { return id_; }
  [[nodiscard]] virtual std::string_view name() const noexcept { return {}; }
  [[nodiscard]] virtual VmStatus status() const noexcept { return VmStatus::Ready; }
  [[nodiscard]] bool running() const noexcept { return status() == VmStatus::Running; }
  /// From the request to stop until it is prepared or destroyed.
  [[nodiscard]] bool shutting_down() const noexcept {
    return status() == VmStatus::Stopping || status() == VmStatus::Stopped;
  }
  /// Why it was told to stop, since it was started.
  [[nodiscard]] virtual VmStopReason stop_reason() const noexcept { return {}; }

  // The seed's names for the two ends of a life.
  Result<> boot() { return start(); }
  /// Errors: BadState (already shutting down, destroyed).
  Result<> shutdown() {
    if (shutting_down()) {
      return fail(ErrorKind::BadState, "shutdown"sv, "the VM is already shutting down"sv);
    }
    return stop(VmStopReason::Clean);
  }

  /// Puts vCPUs and devices into their first state; guest memory stays as it is. Errors: BadState.
  virtual Result<> prepare() { return not_offered("prepare"sv); }
  /// Admits run_vcpu. A stopped VM is prepared first. Errors: BadState, Unsupported (this CPU's
  /// virtualization hardware is not enabled).
  virtual Result<> start() { return not_offered("start"sv); }
  /// Keeps every vCPU from running: Blocked, at once or when it has left the guest. Errors:
  /// BadState.
  virtual Result<> pause() { return not_offered("pause"sv); }
  /// Errors: BadState.
  virtual Result<> resume() { return not_offered("resume"sv); }
  /// run_vcpu refuses from now on, and vCPUs inside the guest are kicked. Errors: BadState.
  virtual Result<> stop(VmStopReason reason) {
    static_cast<void>(reason);
    return not_offered("stop"sv);
  }
  /// Stops the VM, clears its memory, puts vCPUs and devices into their first state, and has the
  /// images loaded again; then it is Ready. Errors: BadState (also while a vCPU is still in the
  /// guest, which has been kicked: ask again), NoMemory, and what `load_images` says; the VM is
  /// then Stopped, and the reset may be asked for again.
  virtual Result<> reset(ImageLoader load_images) {
    static_cast<void>(load_images);
    return not_offered("reset"sv);
  }
  /// Stops the VM and gives everything back; references to it stay valid, and every other call
  /// fails. No other call of this VM may be in progress. Errors: BadState (a vCPU is still in the
  /// guest, which has been kicked: ask again).
  virtual Result<> destroy() { return not_offered("destroy"sv); }

  /// Runs a vCPU on this CPU until something happens that the core does not complete by itself.
  /// Fetches its registers from the CPU where it ran last, if that is another one. Always leaves
  /// the vCPU Free, or Blocked when the VM is being paused. Errors: InvalidInput (no such vCPU, its
  /// affinity excludes this CPU), BadState (VM not running, vCPU powered off or in use, this CPU
  /// not enabled), NoMemory (the guest touched memory that cannot be backed; the access has not
  /// happened).
  virtual Result<ExitReason> run_vcpu(VcpuId vcpu) {
    static_cast<void>(vcpu);
    return not_offered("run_vcpu"sv);
  }

  /// Moves the registers of a vCPU into memory, from whichever CPU holds them. Errors: InvalidInput
  /// (no such vCPU), BadState (in use).
  virtual Result<> unload_vcpu(VcpuId vcpu) {
    static_cast<void>(vcpu);
    return not_offered("unload_vcpu"sv);
  }

  /// Makes an interrupt pending for a vCPU, from any CPU and any VM's code; a vCPU that runs
  /// elsewhere is kicked, one that waits is woken. `intid` is the architecture's number (AArch64:
  /// GIC INTID, 0..1019; RISC-V: source of the PLIC or APLIC, 1..1023). Errors: BadState (neither
  /// running nor paused), InvalidInput (no such vCPU or interrupt), Unsupported (interrupt_mode is
  /// not Emulated).
  virtual Result<> inject_interrupt(VcpuId vcpu, std::uint32_t intid) {
    static_cast<void>(vcpu), static_cast<void>(intid);
    return not_offered("inject_interrupt"sv);
  }

  /// Sends a message-signalled interrupt as a device of the guest would, from any CPU: `event` of
  /// the device that the guest's bus knows as `device` (AArch64: EventID and DeviceID of the ITS;
  /// RISC-V: an interrupt identity, and the vCPU whose interrupt file it is written to). Errors:
  /// BadState (neither running nor paused; the ITS is off), Unsupported (the VM has no ITS or
  /// interrupt files), and when the guest has mapped nothing there: NotFound, OutOfRange,
  /// BadAddress.
  virtual Result<> inject_message(std::uint32_t device, std::uint32_t event) {
    static_cast<void>(device), static_cast<void>(event);
    return not_offered("inject_message"sv);
  }

  [[nodiscard]] virtual std::size_t vcpu_num() const noexcept { return 0; }
  /// Errors: InvalidInput (no such vCPU).
  [[nodiscard]] virtual Result<VcpuStatus> vcpu_status(VcpuId vcpu) const {
    static_cast<void>(vcpu);
    return not_offered("vcpu_status"sv);
  }

  /// Visits the memory behind [gpa, gpa + size) to load an image there, backing lazy pages first.
  /// What the visitor writes is visible to the guest's accesses and fetches afterwards. All of it
  /// is visited, or none. Errors: BadAddress (part of it is not memory of the guest),
  /// NoMemory.
  virtual Result<> get_image_load_region(GuestPhysAddr gpa, std::uint64_t size,
                                         GuestSpanVisitor visit) {
    static_cast<void>(gpa), static_cast<void>(size), static_cast<void>(visit);
    return not_offered("get_image_load_region"sv);
  }

  /// Copies bytes of guest memory. Lazy pages that were never touched read as zeroes and are
  /// backed when written. Errors: BadAddress (part of it is not memory; nothing is copied),
  /// NoMemory.
  virtual Result<> read_from_guest(GuestPhysAddr gpa, std::span<std::byte> to) {
    static_cast<void>(gpa), static_cast<void>(to);
    return not_offered("read_from_guest"sv);
  }
  virtual Result<> write_to_guest(GuestPhysAddr gpa, std::span<const std::byte> from) {
    static_cast<void>(gpa), static_cast<void>(from);
    return not_offered("write_to_guest"sv);
  }

  /// An object of guest memory, and the reverse, as AddressSpace::read_object and write_object:
  /// aligned to alignof(T), in the host's byte order; 1, 2, 4 and 8 bytes in a single access.
  /// Errors: InvalidInput (not aligned), BadAddress, NoMemory.
  template <GuestObject T>
  [[nodiscard]] Result<T> read_from_guest_of(GuestPhysAddr gpa) {
    if (!gpa.is_aligned(alignof(T))) return not_aligned("read_from_guest_of"sv);
    std::array<std::byte, sizeof(T)> bytes{};
    if (auto done = read_from_guest(gpa, bytes); !done) return std::unexpected(done.error());
    return std::bit_cast<T>(bytes);
  }
  template <GuestObject T>
  Result<> write_to_guest_of(GuestPhysAddr gpa, const T& object) {
    if (!gpa.is_aligned(alignof(T))) return not_aligned("write_to_guest_of"sv);
    return write_to_guest(gpa, std::as_bytes(std::span(&object, 1)));
  }

  /// Maps host-physical memory or devices that somebody else owns, as AddressSpace::map_linear.
  /// Errors: InvalidInput, AlreadyExists, NoMemory, Unsupported.
  virtual Result<> map_region(GuestPhysRange range, HostPhysAddr hpa, MappingFlags flags) {
    static_cast<void>(range), static_cast<void>(hpa), static_cast<void>(flags);
    return not_offered("map_region"sv);
  }
  /// As AddressSpace::unmap. Errors: InvalidInput, NoMemory.
  virtual Result<> unmap_region(GuestPhysRange range) {
    static_cast<void>(range);
    return not_offered("unmap_region"sv);
  }
  /// Lets the guest do with `range` what `access` (read, write, execute) says, and nothing else.
  /// Errors: InvalidInput, NoMemory, Unsupported.
  virtual Result<> protect_region(GuestPhysRange range, MappingFlags access) {
    static_cast<void>(range), static_cast<void>(access);
    return not_offered("protect_region"sv);
  }
  /// Visits what is mapped, in ascending order.
  virtual Result<> memory_regions(FunctionRef<void(const Region&)> visit) {
    static_cast<void>(visit);
    return not_offered("memory_regions"sv);
  }

  /// Which pages of memory are written, from now on: as AddressSpace::start_dirty_log,
  /// take_dirty_log and stop_dirty_log. Errors: InvalidInput, AlreadyExists, NotFound, NoMemory,
  /// Unsupported.
  virtual Result<> start_dirty_log(GuestPhysRange range) {
    static_cast<void>(range);
    return not_offered("start_dirty_log"sv);
  }
  virtual Result<> take_dirty_log(GuestPhysRange range, std::span<std::uint64_t> bits) {
    static_cast<void>(range), static_cast<void>(bits);
    return not_offered("take_dirty_log"sv);
  }
  virtual Result<> stop_dirty_log(GuestPhysRange range) {
    static_cast<void>(range);
    return not_offered("stop_dirty_log"sv);
  }

  /// The stage-2 table's root. Named as in the seed.
  [[nodiscard]] virtual HostPhysAddr ept_root() const noexcept { return {}; }
  /// Where stage 2 leads; nothing when it faults.
  [[nodiscard]] virtual std::optional<HostPhysAddr> translate(GuestPhysAddr gpa) {
    static_cast<void>(gpa);
    return std::nullopt;
  }

  /// The host has something new for some device (input, a frame), or device_deadline() has come.
  virtual void poll_devices() {}
  /// Guest time in nanoseconds at which some device wants to be polled; nothing when none does.
  [[nodiscard]] virtual std::optional<std::uint64_t> device_deadline() { return std::nullopt; }
  [[nodiscard]] virtual std::size_t device_count() const noexcept { return 0; }
  [[nodiscard]] virtual InterruptMode interrupt_mode() const noexcept { return {}; }

  /// Everything of the VM that is not in RAM or in a CPU.
  virtual void describe(StateVisitor& visitor) { static_cast<void>(visitor); }

 protected:
  explicit VmBase(VmId id) noexcept : id_(id) {}

 private:
  static std::unexpected<Error> not_aligned(std::string_view operation) noexcept {
    return fail(ErrorKind::InvalidInput, operation, "the object is not aligned"sv);
  }
  static std::unexpected<Error> not_offered(std::string_view operation) noexcept {
    return fail(ErrorKind::Unsupported, operation, "not offered by this kind of VM"sv);
  }

  VmId id_;
};

}  // namespace axvm
