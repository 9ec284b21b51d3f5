#pragma once
// From a configuration to the parts of a VM: all of them, or none and the reason.

#include <axvm/config.hpp>
#include <axvm/hal.hpp>
#include <axvm/ivc.hpp>
#include <axvm/memory.hpp>
#include <axvm/result.hpp>
#include <core/devices/bus.hpp>
#include <core/memory/address_space.hpp>
#include <core/memory/layout.hpp>
#include <core/vcpu/vcpu.hpp>
#include <core/vm/device_factory.hpp>
#include <core/vm/vm_device_host.hpp>
#include <optional>
#include <string_view>

namespace axvm {

/// A VM's console at the far end of HAL calls.
template <VmHal H>
class HalConsole final : public Console {
 public:
  HalConsole(H& hal, VmId vm) noexcept : hal_(hal), vm_(vm) {}
  void write(std::uint8_t byte) override { hal_.console_write(vm_, byte); }
  std::optional<std::uint8_t> read() override { return hal_.console_read(vm_); }

 private:
  H& hal_;
  VmId vm_;
};

/// What a VM owns. Later members may refer to earlier ones.
template <VmHal H, class U>
struct VmParts {
  using Arch = typename U::Arch;

  Array<char> text;  ///< behind all names
  std::string_view name;
  VmId id;
  InterruptMode interrupt_mode = InterruptMode::NoIrq;
  Array<VCpu<U>> vcpus;
  Box<HalLock<H>> interrupt_lock;
  Box<typename Arch::InterruptController> interrupt_controller;
  AddressSpace<typename Arch::Stage2Format, H> space;
  typename Arch::VmControls controls;
  Box<HalConsole<H>> console;
  Box<VmDeviceHost<H, U>> device_host;
  Array<Box<Device>> devices;
  DeviceBus mmio;
  DeviceBus sysregs;
  IvcWindow ivc_window;
};

template <VmHal H, class U>
class VmBuilder {
 public:
  using Arch = typename U::Arch;
  using Tlb = typename Arch::template Tlb<U>;
  using Space = AddressSpace<typename Arch::Stage2Format, H>;
  using Parts = VmParts<H, U>;

  [[nodiscard]] static Result<Parts> build(H& hal, const VmConfig& config) {
    if (const auto wrong = config.validate(Arch::kDeviceInterrupts)) {
      return fail(ErrorKind::InvalidInput, "create"sv, wrong->reason);
    }
    const Allocator allocator = Allocator::of(hal);
    U& cpu = hal.this_cpu().hardware();
    const VmId id(config.id);

    auto text = Array<char>::try_make(allocator, text_size(config));
    if (!text) return std::unexpected(text.error());
    const std::string_view name = keep(*text, config.name);
    auto vcpus = make_vcpus(allocator, config);
    if (!vcpus) return std::unexpected(vcpus.error());

    const auto geometry = Arch::stage2_geometry(cpu);
    auto space = Space::try_make(hal, geometry, max_regions(hal, config));
    if (!space) return std::unexpected(space.error());
    space->omit(Arch::unknown_memory_types(cpu));
    const auto controls = Arch::vm_controls(cpu, geometry, space->root(), Vmid(config.id));
    Tlb tlb(cpu, controls);
    tlb.invalidate_all();  // whatever a VM of this id has left behind
    if (auto mapped = map_memory(hal, *space, tlb, config); !mapped) {
      return std::unexpected(mapped.error());
    }
    if (auto mapped = map_windows(hal, cpu, *space, tlb, config); !mapped) {
      return std::unexpected(mapped.error());
    }

    auto console = Box<HalConsole<H>>::try_make(allocator, hal, id);
    if (!console) return std::unexpected(console.error());
    auto device_host = Box<VmDeviceHost<H, U>>::try_make(allocator, hal);
    if (!device_host) return std::unexpected(device_host.error());
    auto lock = Box<HalLock<H>>::try_make(allocator, hal, LockRank::InterruptController);
    if (!lock) return std::unexpected(lock.error());
    auto controller = make_interrupt_controller(allocator, cpu, config, **lock, *vcpus);
    if (!controller) return std::unexpected(controller.error());
    const std::size_t device_count = config.emulated_devices.size() + kMoreDevices;
    auto devices = Array<Box<Device>>::try_make(allocator, device_count);
    if (!devices) return std::unexpected(devices.error());
    auto mmio = DeviceBus::try_make(allocator, Bus::Mmio, device_count);
    if (!mmio) return std::unexpected(mmio.error());
    auto sysregs = DeviceBus::try_make(allocator, Bus::SysReg, device_count);
    if (!sysregs) return std::unexpected(sysregs.error());
    IvcWindow ivc_window;
    const auto add = [&](Box<Device> device) -> Result<> {
      Device& attached = *devices->emplace_back(std::move(device));
      return (attached.range().bus == Bus::SysReg ? *sysregs : *mmio).attach(attached);
    };
    for (std::size_t i = 0; i < config.emulated_devices.size(); ++i) {
      const EmulatedDeviceConfig& device = config.emulated_devices[i];
      if (device.type == EmulatedDeviceType::IvcChannel) {
        ivc_window = window_of(device);
        continue;
      }
      const std::string_view device_name = keep(*text, device.name);
      if (device.type == EmulatedDeviceType::InterruptController) {
        const auto done = Arch::make_interrupt_devices(allocator, **controller, **device_host,
                                                       device, device_name, add);
        if (!done) return std::unexpected(done.error());
        continue;
      }
      auto made = make(config, device,
                       {.allocator = allocator,
                        .name = device_name,
                        .host = **device_host,
                        .console = **console,
                        .backend = hal.backend(id, i)});
      if (!made) return std::unexpected(made.error());
      if (auto done = add(std::move(*made)); !done) return std::unexpected(done.error());
    }
    return Parts{std::move(*text),
                 name,
                 id,
                 config.interrupt_mode,
                 std::move(*vcpus),
                 std::move(*lock),
                 std::move(*controller),
                 std::move(*space),
                 controls,
                 std::move(*console),
                 std::move(*device_host),
                 std::move(*devices),
                 std::move(*mmio),
                 std::move(*sysregs),
                 ivc_window};
  }

 private:
  /// Places for regions that are mapped or cut later.
  static constexpr std::size_t kSpareRegions = 32;
  /// Beyond one per row: an interrupt controller is several devices.
  static constexpr std::size_t kMoreDevices = 4;

  static std::size_t text_size(const VmConfig& config) {
    std::size_t size = config.name.size();
    for (const EmulatedDeviceConfig& device : config.emulated_devices) size += device.name.size();
    return size;
  }
  static std::string_view keep(Array<char>& text, std::string_view name) {
    const std::size_t begin = text.size();
    for (const char c : name) text.emplace_back(c);
    return {text.begin() + begin, name.size()};
  }
  static std::size_t count_banks(H& hal) {
    std::size_t count = 0;
    HostPhysAddr at;
    for (auto bank = hal.ram_after(at); bank; bank = hal.ram_after(at)) {
      at = bank->base + bank->size;
      ++count;
    }
    return count;
  }
  /// What the layout's rules are about.
  static std::size_t count_ranges(H& hal, const VmConfig& config) {
    return config.memory_regions.size() + config.emulated_devices.size() +
           config.passthrough_devices.size() + count_banks(hal) + kMoreDevices;
  }
  static std::size_t max_regions(H& hal, const VmConfig& config) {
    // Between any two ranges there may be a window.
    return 2 * count_ranges(hal, config) + 1 + kSpareRegions;
  }

  static Result<Array<VCpu<U>>> make_vcpus(Allocator allocator, const VmConfig& config) {
    auto vcpus = Array<VCpu<U>>::try_make(allocator, config.vcpus.size());
    if (!vcpus) return vcpus;
    for (const VcpuConfig& wanted : config.vcpus) {
      const VcpuId id(static_cast<std::uint32_t>(vcpus->size()));
      const std::uint64_t dtb = config.dtb.value == kNoAddress ? 0 : config.dtb.value;
      const GuestPhysAddr entry = id.value == 0 ? config.bsp_entry : config.ap_entry;
      auto& vcpu = vcpus->emplace_back(VmId(config.id), id, wanted.phys_id, wanted.affinity_mask,
                                       ResetVector{entry, dtb});
      if (auto ready = vcpu.state().setup(); !ready) return std::unexpected(ready.error());
    }
    return vcpus;
  }

  static Result<Box<typename Arch::InterruptController>> make_interrupt_controller(
      Allocator allocator, U& cpu, const VmConfig& config, AnyLock& lock, Array<VCpu<U>>& vcpus) {
    const bool emulated = config.interrupt_mode == InterruptMode::Emulated;
    if (emulated && !Arch::has_virtual_interrupts(cpu)) {
      return fail(ErrorKind::Unsupported, "create"sv,
                  "emulated interrupts: the CPU has no virtual interrupt interface"sv);
    }
    auto made = Arch::InterruptController::try_make(allocator, lock, vcpus.size());
    if (!made || !emulated) return made;
    for (VCpu<U>& vcpu : vcpus) (*made)->add_vcpu(vcpu.phys_id(), vcpu.interrupts());
    return made;
  }

  static Result<> map_memory(H& hal, Space& space, Tlb& tlb, const VmConfig& config) {
    for (const MemoryRegionConfig& region : config.memory_regions) {
      if (has_all(region.flags, MappingFlags::Device)) {
        hal.log(LogLevel::Warn,
                "device memory among memory_regions is left out: it belongs in "sv
                "passthrough_devices"sv);
        continue;
      }
      const GuestPhysRange range{region.gpa, region.size};
      Result<> mapped;
      switch (region.map_type) {
        case MapType::Alloc: mapped = space.map_alloc(range, region.flags, false, tlb); break;
        case MapType::Identical: mapped = space.map_identical(range, region.flags, tlb); break;
        case MapType::Reserved: mapped = space.map_reserved(range, region.flags, tlb); break;
      }
      if (!mapped) return mapped;
    }
    return {};
  }

  /// Maps the windows that the layout leaves.
  static Result<> map_windows(H& hal, U& cpu, Space& space, Tlb& tlb, const VmConfig& config) {
    auto planner = LayoutPlanner::try_make(Allocator::of(hal), config.address_space_policy,
                                           space.reach(), count_ranges(hal, config));
    if (!planner) return std::unexpected(planner.error());
    Result<> planned = planner->add(config);
    for (const EmulatedDeviceConfig& device : config.emulated_devices) {
      if (device.type != EmulatedDeviceType::InterruptController) continue;
      for (const GuestPhysRange& range :
           Arch::interrupt_device_ranges(device, config.vcpus.size())) {
        if (!planned || range.size == 0) continue;
        planned = planner->reserve(range, OwnerKind::EmulatedDevice);
      }
      hal.this_cpu().unload();  // the CPU is asked what it can do
      const auto window = Arch::interrupt_window(cpu, device, config.vcpus.size());
      if (!window) return std::unexpected(window.error());
      if (planned && *window) planned = planner->pass_through(**window);
    }
    HostPhysAddr at;
    for (auto bank = hal.ram_after(at); bank && planned; bank = hal.ram_after(at)) {
      planned = planner->hide({GuestPhysAddr(bank->base.value), bank->size});
      at = bank->base + bank->size;
    }
    if (!planned) return planned;
    const auto windows = planner->windows();
    if (!windows) return std::unexpected(windows.error());
    for (const PassthroughWindow& window : *windows) {
      if (auto mapped = space.map_passthrough(window, tlb); !mapped) return mapped;
    }
    return {};
  }

  /// Its interrupt is upstream's first argument, or else the device's.
  static IvcWindow window_of(const EmulatedDeviceConfig& device) {
    const std::uint64_t argument = device.cfg_list.empty() ? 0 : device.cfg_list.front();
    return {{device.base_gpa, device.length},
            argument != 0 ? static_cast<std::uint32_t>(argument) : device.irq_id};
  }

  static Result<Box<Device>> make(const VmConfig& vm, const EmulatedDeviceConfig& config,
                                  const DeviceSite& site) {
    switch (config.type) {
      case EmulatedDeviceType::Console:
        return make<typename Arch::ConsoleDevice>(config, site, site.console,
                                                  InterruptLine(site.host, config.irq_id));
      case EmulatedDeviceType::Rtc: {
        using RtcDevice = typename Arch::RtcDevice;
        // Its argument is what the clock says at guest time 0.
        const std::uint64_t epoch =
            config.cfg_list.empty() ? RtcDevice::kDefaultEpoch : config.cfg_list.front();
        return make<RtcDevice>(config, site, site.host, InterruptLine(site.host, config.irq_id),
                               static_cast<std::uint32_t>(epoch));
      }
      default: return make_device(vm, config, site);
    }
  }
  template <class T, class... Args>
  static Result<Box<Device>> make(const EmulatedDeviceConfig& config, const DeviceSite& site,
                                  Args&&... args) {
    auto device = Box<T>::try_make(site.allocator, site.name, mmio_range(config),
                                   std::forward<Args>(args)...);
    if (!device) return std::unexpected(device.error());
    return Box<Device>(std::move(*device));
  }
};

}  // namespace axvm
