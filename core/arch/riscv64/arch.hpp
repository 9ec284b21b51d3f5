#pragma once
// What the generic parts of the core need of an architecture, for RISC-V.

#include <array>
#include <axvm/config.hpp>
#include <axvm/exit.hpp>
#include <axvm/mapping.hpp>
#include <axvm/result.hpp>
#include <core/arch/riscv64/control.hpp>
#include <core/arch/riscv64/g_stage_format.hpp>
#include <core/arch/riscv64/g_stage_tlb.hpp>
#include <core/arch/riscv64/hal.hpp>
#include <core/arch/riscv64/interrupt_controller.hpp>
#include <core/arch/riscv64/interrupt_setup.hpp>
#include <core/arch/riscv64/trap_handler.hpp>
#include <core/arch/riscv64/vcpu_context.hpp>
#include <core/arch/riscv64/vcpu_interrupts.hpp>
#include <core/devices/goldfish_rtc.hpp>
#include <core/devices/ns16550.hpp>
#include <core/memory/layout.hpp>
#include <optional>
#include <string_view>

namespace axvm::riscv64 {

struct Arch {
  static constexpr std::string_view kName = "riscv64"sv;

  using Stage2Format = GStageFormat;
  using VCpuContext = riscv64::VCpuContext;
  using VmControls = riscv64::VmControls;
  /// A VM's interrupt controller, and a vCPU's part of it.
  using InterruptController = riscv64::InterruptController;
  using Interrupts = VcpuInterrupts;
  static constexpr std::uint32_t kInterruptCount = kSourceCount;
  static constexpr DeviceInterrupts kDeviceInterrupts = kPlicDeviceInterrupts;
  /// The emulated devices of types Console and Rtc.
  using ConsoleDevice = Ns16550;
  using RtcDevice = GoldfishRtc;
  template <class U>
  using Tlb = GStageTlb<U>;

  template <VirtualizationHardware U>
  static Result<> enable(U& cpu) {
    return enable_hypervisor(cpu);
  }
  template <VirtualizationHardware U>
  static void disable(U& cpu) {
    disable_hypervisor(cpu);
  }
  template <VirtualizationHardware U>
  static PageTableGeometry stage2_geometry(U& cpu) {
    return g_stage_geometry(cpu);
  }
  /// Types of memory that this hart's G-stage has no way to say.
  template <VirtualizationHardware U>
  static MappingFlags unknown_memory_types(U& cpu) {
    return has_memory_types(cpu) ? MappingFlags::None
                                 : MappingFlags::Device | MappingFlags::Uncached;
  }
  /// `vmid` 1..255.
  template <VirtualizationHardware U>
  static VmControls vm_controls(U&, PageTableGeometry geometry, HostPhysAddr root, Vmid vmid) {
    return {hgatp_value(geometry, root, vmid)};
  }
  /// VS-stage translations of the VM that is loaded.
  template <VirtualizationHardware U>
  static void forget_guest_translations(U& cpu) {
    cpu.hfence_vvma();
  }
  /// A vCPU's registers have come into this hart. Its fences reach the hart that they are executed
  /// on, so that what it has changed elsewhere, this hart may remember as it was before.
  template <VirtualizationHardware U>
  static void arrive(U& cpu, VCpuContext& context, PcpuId hart) {
    if (!context.moved_to(hart)) return;
    cpu.hfence_vvma();
    cpu.publish_instructions();
  }
  /// Whether this hart can give guests interrupts without a trap: by hvip.
  template <VirtualizationHardware U>
  static bool has_virtual_interrupts(U&) {
    return true;
  }
  /// A vCPU's registers come into a hart.
  template <VirtualizationHardware U>
  static void load_interrupts(U& cpu, Interrupts& interrupts) {
    const bool has_file = interrupts.aia() != nullptr;
    cpu.template write<Csr::hstateen0>(kGuestState | (has_file ? kInterruptFileState : 0));
    interrupts.mark_changed();
  }
  /// They leave it, hvip among them. No physical interrupt stands for a guest's.
  template <VirtualizationHardware U, class F>
  static void save_interrupts(U&, Interrupts&, F&&) {}
  /// Where a row of the configuration puts devices, beyond its own range.
  static std::array<GuestPhysRange, 2> interrupt_device_ranges(const EmulatedDeviceConfig& config,
                                                               std::size_t vcpus) noexcept {
    return controller_ranges(config, vcpus);
  }
  /// What of the hardware's interrupt controller the guest has in its memory: nothing. No vCPU is
  /// loaded. Errors: InvalidInput, Unsupported (interrupt files, without registers for them).
  template <VirtualizationHardware U>
  static Result<std::optional<PassthroughWindow>> interrupt_window(
      U& cpu, const EmulatedDeviceConfig& config, std::size_t vcpus) {
    const auto layout = ControllerLayout::of(config, vcpus);
    if (!layout) return std::unexpected(layout.error());
    if (layout->interrupt_files && !has_interrupt_registers(cpu)) {
      return fail(ErrorKind::Unsupported, "create interrupt controller"sv,
                  "interrupt files: the hart has no interrupt registers for guests (Ssaia)"sv);
    }
    return std::nullopt;
  }
  /// The device by which guests see the controller. Errors: NoMemory, InvalidInput.
  static Result<> make_interrupt_devices(Allocator allocator, InterruptController& controller,
                                         DeviceHost&, const EmulatedDeviceConfig& config,
                                         std::string_view name,
                                         FunctionRef<Result<>(Box<Device>)> add) {
    return make_controller_devices(allocator, controller, config, name, add);
  }
  /// Runs until an exit that the host has to know of.
  template <class Vm, VirtualizationHardware U>
  static Result<ExitReason> run(Vm& vm, typename Vm::VCpuType& vcpu, U& cpu) {
    Result<ExitReason> exit;
    TrapHandler<Vm, U>(vm, vcpu, cpu, exit).run();
    return exit;
  }
};

}  // namespace axvm::riscv64
