#pragma once
// What the generic parts of the core need of an architecture, for AArch64. Another instruction
// set brings its own struct with these members.

#include <axvm/config.hpp>
#include <axvm/exit.hpp>
#include <axvm/mapping.hpp>
#include <axvm/result.hpp>
#include <core/arch/aarch64/control.hpp>
#include <core/arch/aarch64/gic/gic.hpp>
#include <core/arch/aarch64/gic/gic_devices.hpp>
#include <core/arch/aarch64/gic/list_register_file.hpp>
#include <core/arch/aarch64/hal.hpp>
#include <core/arch/aarch64/interrupts.hpp>
#include <core/arch/aarch64/stage2_format.hpp>
#include <core/arch/aarch64/stage2_tlb.hpp>
#include <core/arch/aarch64/timer.hpp>
#include <core/arch/aarch64/trap_handler.hpp>
#include <core/arch/aarch64/vcpu_context.hpp>
#include <core/devices/pl011.hpp>
#include <core/devices/pl031.hpp>
#include <string_view>

namespace axvm::aarch64 {

struct Arch {
  static constexpr std::string_view kName = "aarch64"sv;

  using Stage2Format = aarch64::Stage2Format;
  using VCpuContext = aarch64::VCpuContext;
  using VmControls = aarch64::VmControls;
  /// A VM's interrupt controller, and a vCPU's part of it.
  using InterruptController = Gic;
  using Interrupts = VcpuInterface;
  static constexpr std::uint32_t kInterruptCount = kIntidCount;
  static constexpr DeviceInterrupts kDeviceInterrupts = kGicDeviceInterrupts;
  /// The emulated devices of types Console and Rtc.
  using ConsoleDevice = Pl011;
  using RtcDevice = Pl031;
  template <class U>
  using Tlb = Stage2Tlb<U>;

  template <VirtualizationHardware U>
  static Result<> enable(U& cpu) {
    return enable_hypervisor(cpu);
  }
  template <VirtualizationHardware U>
  static void disable(U& cpu) {
    disable_hypervisor(cpu);
  }
  template <VirtualizationHardware U>
  static Stage2Geometry stage2_geometry(U& cpu) {
    return aarch64::stage2_geometry(cpu.template read<SysReg::ID_AA64MMFR0_EL1>());
  }
  /// Types of memory that this CPU's stage 2 has no way to say.
  template <VirtualizationHardware U>
  static MappingFlags unknown_memory_types(U&) {
    return MappingFlags::None;
  }
  /// `vmid` 1..255.
  template <VirtualizationHardware U>
  static VmControls vm_controls(U& cpu, Stage2Geometry geometry, HostPhysAddr root, Vmid vmid) {
    const std::uint64_t mmfr0 = cpu.template read<SysReg::ID_AA64MMFR0_EL1>();
    return {vtcr_el2(geometry, physical_address_bits(mmfr0)), vttbr_el2(root, vmid)};
  }
  /// Stage-1 translations of the VM that is loaded.
  template <VirtualizationHardware U>
  static void forget_guest_translations(U& cpu) {
    cpu.tlbi_vmalle1is();
  }
  /// A vCPU's registers have come into this CPU. Its maintenance of TLBs and instruction caches
  /// reaches other CPUs (HCR_EL2.FB), so that it finds nothing stale here.
  template <VirtualizationHardware U>
  static void arrive(U&, VCpuContext&, PcpuId) {}
  /// Whether this CPU can give guests interrupts without a trap.
  template <VirtualizationHardware U>
  static bool has_virtual_interrupts(U& cpu) {
    return has_gic_registers(cpu.template read<SysReg::ID_AA64PFR0_EL1>());
  }
  /// A vCPU's registers come into a CPU.
  template <VirtualizationHardware U>
  static void load_interrupts(U& cpu, Interrupts& interrupts) {
    if (interrupts.gic() == nullptr) {
      // A VM that is gone may have left its interface open.
      if (has_virtual_interrupts(cpu)) close_interface(cpu);
      return;
    }
    load_interface(cpu, interrupts);
    interrupts.mark_changed();
  }
  /// They leave it; `end(intid)` is called for physical interrupts that the guest has ended. What
  /// its timers assert is known again when they are back.
  template <VirtualizationHardware U, class F>
  static void save_interrupts(U& cpu, Interrupts& interrupts, F&& end) {
    Gic* const gic = interrupts.gic();
    if (gic == nullptr) return;
    fold_list_registers(cpu, interrupts, end);
    for (const std::uint32_t intid : kTimerIntids) {
      gic->set_private_line(interrupts.index(), intid, false);
    }
    save_interface(cpu, interrupts);
  }
  /// Where a row of the configuration puts devices, beyond its own range.
  static std::array<GuestPhysRange, 2> interrupt_device_ranges(const EmulatedDeviceConfig& config,
                                                               std::size_t vcpus) noexcept {
    return gic_device_ranges(config, vcpus);
  }
  /// What of the hardware's interrupt controller the guest has in its memory; nothing where the row
  /// asks for none. No vCPU is loaded. Errors: InvalidInput, Unsupported.
  template <VirtualizationHardware U>
  static Result<std::optional<PassthroughWindow>> interrupt_window(
      U& cpu, const EmulatedDeviceConfig& config, std::size_t vcpus) {
    return gic_window(config, vcpus, has_interface_in_memory(cpu) ? cpu.gicv() : std::nullopt);
  }
  /// The devices by which guests see the controller. Errors: NoMemory, InvalidInput.
  static Result<> make_interrupt_devices(Allocator allocator, Gic& gic, DeviceHost& host,
                                         const EmulatedDeviceConfig& config, std::string_view name,
                                         FunctionRef<Result<>(Box<Device>)> add) {
    return make_gic_devices(allocator, gic, host, config, name, add);
  }
  /// Runs until an exit that the host has to know of.
  template <class Vm, VirtualizationHardware U>
  static Result<ExitReason> run(Vm& vm, typename Vm::VCpuType& vcpu, U& cpu) {
    Result<ExitReason> exit;
    TrapHandler<Vm, U>(vm, vcpu, cpu, exit).run();
    return exit;
  }
};

}  // namespace axvm::aarch64
