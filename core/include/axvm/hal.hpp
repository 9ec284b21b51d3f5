#pragma once
// The seam: what the core needs from below. Architectures add their own concept for the
// virtualization hardware of one CPU (core/arch/<isa>/hal.hpp).

#include <axvm/address.hpp>
#include <axvm/backend.hpp>
#include <axvm/event.hpp>
#include <axvm/function_ref.hpp>
#include <axvm/ivc.hpp>
#include <axvm/lock_rank.hpp>
#include <axvm/result.hpp>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace axvm {

enum class LogLevel : std::uint8_t { Error, Warn, Info, Debug };

/// What the host of the VMM provides: memory, time, interrupts, locks, log. The core holds a
/// reference to one object of this type per VM; any number of them may exist side by side.
template <class H>
concept VmHal = requires(H& hal, HostPhysAddr hpa, HostVirtAddr hva, std::size_t n, void* p,
                         std::string_view text, const Event& event, PcpuId pcpu, VmId vm,
                         VcpuId vcpu, typename H::Lock& lock, FunctionRef<void()> task) {
  /// One 4 KiB frame, or nothing when memory is exhausted.
  { hal.allocate_frame() } -> std::same_as<std::optional<HostPhysAddr>>;
  { hal.deallocate_frame(hpa) };
  /// `count` contiguous frames, aligned to `alignment` bytes (a power of two >= 4096).
  { hal.allocate_frames(n, n) } -> std::same_as<std::optional<HostPhysAddr>>;
  { hal.deallocate_frames(hpa, n) };
  /// Exactly the range [hpa, hpa + n), 4 KiB aligned; false when any of it is taken or absent.
  { hal.allocate_range(hpa, n) } -> std::same_as<bool>;
  { hal.deallocate_range(hpa, n) };
  /// Makes [hpa, hpa + n), 4 KiB aligned and taken from the allocator, read as zeros, also for a
  /// guest that reads past the caches. Nothing that is allocated is zeroed before.
  { hal.zero_range(hpa, n) };

  /// The bank of RAM that holds `hpa`, else the next one; nothing when no RAM is above `hpa`.
  { hal.ram_after(hpa) } -> std::same_as<std::optional<HostPhysRange>>;
  /// The VMM's own mapping of RAM. Both are defined for addresses of RAM only; a bank is
  /// contiguous.
  { hal.phys_to_virt(hpa) } -> std::same_as<HostVirtAddr>;
  { hal.virt_to_phys(hva) } -> std::same_as<HostPhysAddr>;

  /// Memory for the VMM's own objects: size, alignment. Null when exhausted.
  { hal.allocate(n, n) } -> std::same_as<void*>;
  { hal.deallocate(p, n, n) };

  /// Nanoseconds of guest time: monotonic, and the same in every run of the same machine.
  { hal.monotonic_nanoseconds() } -> std::same_as<std::uint64_t>;

  /// The CPU this code runs on, and its virtualization hardware (see PerCpu).
  { hal.current_pcpu() } -> std::same_as<PcpuId>;
  { hal.this_cpu() } -> std::same_as<typename H::PerCpu&>;
  /// Makes `pcpu` leave its guest soon (an inter-processor interrupt).
  { hal.kick(pcpu) };
  /// The vCPU has something to do, should it have halted or halt soon.
  { hal.wake(vm, vcpu) };
  /// Carries `task` out on `pcpu`, outside any guest there, and returns when it is done; at once
  /// when `pcpu` is the current CPU. The caller holds no lock; while it waits, tasks of others for
  /// its own CPU are carried out. Nothing happens when there is no such CPU, which a restored state
  /// may name.
  { hal.call_on(pcpu, task) };

  /// The channels between the VMs over this HAL.
  { hal.ivc() } -> std::same_as<IvcHub<H>&>;

  /// The physical interrupt controller: the pending interrupt's number (1023: none), which becomes
  /// active and does not come again until its end. Others come meanwhile: its priority is dropped
  /// at once, and end_irq deactivates it. Guests deactivate some by themselves (ICH_LR<n>_EL2.HW).
  { hal.acknowledge_irq() } -> std::same_as<std::uint32_t>;
  { hal.end_irq(std::uint32_t{}) };

  /// The far end of a VM's console: a byte out, a byte in (nothing: none has arrived).
  { hal.console_write(vm, std::uint8_t{}) };
  { hal.console_read(vm) } -> std::same_as<std::optional<std::uint8_t>>;

  /// What the host has for the VM's emulated device of this index in VmConfig::emulated_devices.
  { hal.backend(vm, n) } -> std::same_as<DeviceBackend>;

  requires std::constructible_from<typename H::Lock, H&, LockRank>;
  { lock.lock() };
  { lock.unlock() };

  { hal.log(LogLevel::Info, text) };
  /// False when nobody listens: the core then builds no Event.
  { hal.wants_events() } -> std::same_as<bool>;
  { hal.event(event) };
  /// Whether TablesChanged is among them: it takes a walk through the tables for each change.
  { hal.wants_tables() } -> std::same_as<bool>;
};

}  // namespace axvm
