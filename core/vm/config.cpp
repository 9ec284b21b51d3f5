#include <axvm/config.hpp>
#include <core/devices/cfi_flash.hpp>
#include <core/devices/fw_cfg.hpp>
#include <core/devices/pl031.hpp>
#include <core/devices/virtio/virtio_device.hpp>
#include <core/memory/layout.hpp>
#include <core/vm/unsupported_device.hpp>
#include <core/vm/vm_base.hpp>

namespace axvm {
namespace {

using MaybeError = std::optional<ConfigError>;

constexpr bool wraps(std::uint64_t base, std::uint64_t size) noexcept {
  return size != 0 && base + (size - 1) < base;
}

constexpr bool covers(const VmConfig& config, GuestPhysAddr gpa) noexcept {
  for (const MemoryRegionConfig& region : config.memory_regions) {
    if (GuestPhysRange{region.gpa, region.size}.contains(gpa)) return true;
  }
  return false;
}

MaybeError check_vcpus(const VmConfig& config) noexcept {
  const auto vcpus = config.vcpus;
  if (vcpus.empty() || vcpus.size() > kMaxVcpus) {
    return ConfigError{ConfigField::Vcpus, 0, "expected 1 to 64 vCPUs"sv};
  }
  for (std::size_t i = 0; i < vcpus.size(); ++i) {
    if (vcpus[i].affinity_mask == 0) {
      return ConfigError{ConfigField::Vcpus, i,
                         "no physical CPU may run it: expected some bit set"sv};
    }
    for (std::size_t j = 0; j < i; ++j) {
      if (vcpus[i].phys_id == vcpus[j].phys_id) {
        return ConfigError{ConfigField::Vcpus, i,
                           "phys_id of another vCPU: expected a unique one"sv};
      }
    }
  }
  return std::nullopt;
}

MaybeError check_entries(const VmConfig& config) noexcept {
  if (!covers(config, config.bsp_entry)) {
    return ConfigError{ConfigField::BspEntry, 0, "outside all memory regions"sv};
  }
  if (!covers(config, config.ap_entry)) {
    return ConfigError{ConfigField::ApEntry, 0, "outside all memory regions"sv};
  }
  if (config.dtb.value != kNoAddress && !covers(config, config.dtb)) {
    return ConfigError{ConfigField::Dtb, 0, "outside all memory regions"sv};
  }
  return std::nullopt;
}

MaybeError check_memory(const VmConfig& config) noexcept {
  const auto error = [](std::size_t i, std::string_view reason) {
    return ConfigError{ConfigField::MemoryRegions, i, reason};
  };
  const auto regions = config.memory_regions;
  if (regions.empty()) return error(0, "expected at least one memory region"sv);
  for (std::size_t i = 0; i < regions.size(); ++i) {
    const MemoryRegionConfig& region = regions[i];
    if (!region.gpa.is_aligned(kPageSize)) return error(i, "gpa is not a multiple of 4 KiB"sv);
    if (region.size == 0 || region.size % kPageSize != 0) {
      return error(i, "size is not a positive multiple of 4 KiB"sv);
    }
    if (wraps(region.gpa.value, region.size)) return error(i, "exceeds the address space"sv);
    if ((static_cast<std::uint32_t>(region.flags) & ~kAllMappingFlags) != 0) {
      return error(i, "unknown flags: expected bits of 0x3f"sv);
    }
    if (!has_any(region.flags, kReadWriteExecute)) {
      return error(i, "flags permit no access: expected some of read 1, write 2, execute 4"sv);
    }
    if (region.map_type > MapType::Reserved) {
      return error(i, "unknown map type: expected 0 (alloc), 1 (identical) or 2 (reserved)"sv);
    }
    for (std::size_t j = 0; j < i; ++j) {
      const GuestPhysRange other{regions[j].gpa, regions[j].size};
      if (other.overlaps({region.gpa, region.size}))
        return error(i, "overlaps an earlier region"sv);
    }
  }
  return std::nullopt;
}

bool overlaps_memory(const VmConfig& config, std::uint64_t base, std::uint64_t size) noexcept {
  for (const MemoryRegionConfig& region : config.memory_regions) {
    if (GuestPhysRange{region.gpa, region.size}.overlaps({GuestPhysAddr(base), size})) return true;
  }
  return false;
}

// What the device's registers need, if it is one of those that need it; and its interrupt.
std::string_view wrong_with(const EmulatedDeviceConfig& device) noexcept {
  switch (device.type) {
    case EmulatedDeviceType::Flash:
      if (CfiFlash::is_possible_size(device.length)) return {};
      return "length of a flash: expected a power of two from 128 KiB to 64 MiB"sv;
    case EmulatedDeviceType::VirtioBlock:
    case EmulatedDeviceType::VirtioNet:
    case EmulatedDeviceType::VirtioConsole:
    case EmulatedDeviceType::VirtioEntropy:
      if (device.length >= virtio::VirtioDevice::kSmallestLength) return {};
      return "length of a virtio device: expected at least 0x200"sv;
    case EmulatedDeviceType::Rtc:
      if (device.length < Pl031::kSmallestLength) {
        return "length of a real-time clock: expected at least 0x1000"sv;
      }
      if (!device.cfg_list.empty() && device.cfg_list.front() > UINT32_MAX) {
        return "epoch of a real-time clock: expected 32 bits of seconds"sv;
      }
      return {};
    case EmulatedDeviceType::FwCfg:
      if (device.length >= FwCfg::kSmallestLength) return {};
      return "length of a fw_cfg: expected at least 0x18"sv;
    default: return {};
  }
}

// These devices signal by interrupts that no CPU has to itself.
bool has_wrong_interrupt(const EmulatedDeviceConfig& device,
                         const DeviceInterrupts& interrupts) noexcept {
  switch (device.type) {
    case EmulatedDeviceType::VirtioBlock:
    case EmulatedDeviceType::VirtioNet:
    case EmulatedDeviceType::VirtioConsole:
    case EmulatedDeviceType::VirtioEntropy:
    case EmulatedDeviceType::Rtc:
      return device.irq_id != 0 &&
             (device.irq_id < interrupts.first || device.irq_id > interrupts.last);
    default: return false;
  }
}

MaybeError check_emulated_devices(const VmConfig& config,
                                  const DeviceInterrupts& interrupts) noexcept {
  const auto error = [](std::size_t i, std::string_view reason) {
    return ConfigError{ConfigField::EmulatedDevices, i, reason};
  };
  const auto devices = config.emulated_devices;
  for (std::size_t i = 0; i < devices.size(); ++i) {
    const EmulatedDeviceConfig& device = devices[i];
    if (!emulated_device_type(static_cast<std::uint64_t>(device.type))) {
      return error(i, "unknown type of emulated device"sv);
    }
    if (device.length == 0) return error(i, "length is 0"sv);
    if (const auto wrong = wrong_with(device); !wrong.empty()) return error(i, wrong);
    if (has_wrong_interrupt(device, interrupts)) return error(i, interrupts.expected);
    if (!widen_to_pages({device.base_gpa, device.length})) {
      return error(i, "exceeds the address space"sv);
    }
    if (overlaps_memory(config, device.base_gpa.value, device.length)) {
      return error(i, "overlaps a memory region"sv);
    }
    if (device.type == EmulatedDeviceType::InterruptController &&
        config.interrupt_mode != InterruptMode::Emulated) {
      return error(i, "an interrupt controller needs interrupt_mode emulated"sv);
    }
    const bool is_ivc = device.type == EmulatedDeviceType::IvcChannel;
    if (is_ivc && (!device.base_gpa.is_aligned(kPageSize) || device.length % kPageSize != 0)) {
      return error(i, "an ivc channel's window is not of whole pages"sv);
    }
    for (std::size_t j = 0; j < i; ++j) {
      const GuestPhysRange other{devices[j].base_gpa, devices[j].length};
      if (other.overlaps({device.base_gpa, device.length})) {
        return error(i, "overlaps an earlier emulated device"sv);
      }
      if (is_ivc && devices[j].type == EmulatedDeviceType::IvcChannel) {
        return error(i, "a VM has one ivc channel window at most"sv);
      }
    }
  }
  return std::nullopt;
}

std::optional<PassthroughWindow> window_of(const PassthroughDeviceConfig& device) noexcept {
  return widen_window({{device.base_gpa, device.length}, device.base_hpa});
}

MaybeError check_passthrough_devices(const VmConfig& config) noexcept {
  const auto error = [](std::size_t i, std::string_view reason) {
    return ConfigError{ConfigField::PassthroughDevices, i, reason};
  };
  for (std::size_t i = 0; i < config.passthrough_devices.size(); ++i) {
    const PassthroughDeviceConfig& window = config.passthrough_devices[i];
    if (window.length == 0) return error(i, "length is 0"sv);
    if (window.base_gpa.value % kPageSize != window.base_hpa.value % kPageSize) {
      return error(i, "base_gpa and base_hpa lie at different offsets in their pages"sv);
    }
    const auto widened = window_of(window);
    if (!widened) return error(i, "exceeds the address space"sv);
    const bool is_implied =
        config.address_space_policy == AddressSpacePolicy::Passthrough && widened->distance() == 0;
    if (is_implied) continue;
    if (overlaps_memory(config, widened->range.base.value, widened->range.size)) {
      return error(i, "overlaps a memory region, widened to whole pages"sv);
    }
    for (const EmulatedDeviceConfig& device : config.emulated_devices) {
      if (widen_to_pages({device.base_gpa, device.length})->overlaps(widened->range)) {
        return error(i, "overlaps an emulated device, both widened to whole pages"sv);
      }
    }
    for (std::size_t j = 0; j < i; ++j) {
      if (contradict(*window_of(config.passthrough_devices[j]), *widened)) {
        return error(i, "overlaps an earlier window that leads elsewhere"sv);
      }
    }
  }
  return std::nullopt;
}

}  // namespace

std::optional<ConfigError> VmConfig::validate(const DeviceInterrupts& interrupts) const noexcept {
  if (id < 1 || id > kMaxVmId) return ConfigError{ConfigField::Id, 0, "expected 1 to 255"sv};
  if (name.empty()) return ConfigError{ConfigField::Name, 0, "expected a name"sv};
  if (auto wrong = check_vcpus(*this)) return wrong;
  if (auto wrong = check_memory(*this)) return wrong;
  if (auto wrong = check_entries(*this)) return wrong;
  if (auto wrong = check_emulated_devices(*this, interrupts)) return wrong;
  if (auto wrong = check_passthrough_devices(*this)) return wrong;
  if (interrupt_mode > InterruptMode::Passthrough) {
    return ConfigError{ConfigField::InterruptMode, 0, "expected no_irq, emulated or passthrough"sv};
  }
  if (address_space_policy > AddressSpacePolicy::Passthrough) {
    return ConfigError{ConfigField::AddressSpacePolicy, 0, "expected virtualized or passthrough"sv};
  }
  return std::nullopt;
}

std::optional<EmulatedDeviceType> emulated_device_type(std::uint64_t value) noexcept {
  switch (value) {
    case 0x0:
    case 0x1:
    case 0x2:
    case 0x3:
    case 0xa:
    case 0x20:
    case 0x21:
    case 0x22:
    case 0x23:
    case 0x24:
    case 0x25:
    case 0x30:
    case 0xe1:
    case 0xe2:
    case 0xe3:
    case 0xe4:
    case 0xf0:
    case 0xf1: return static_cast<EmulatedDeviceType>(value);
    default: return std::nullopt;
  }
}

std::string_view to_string(ConfigField field) noexcept {
  switch (field) {
    case ConfigField::Id: return "id"sv;
    case ConfigField::Name: return "name"sv;
    case ConfigField::Vcpus: return "vcpus"sv;
    case ConfigField::BspEntry: return "bsp_entry"sv;
    case ConfigField::ApEntry: return "ap_entry"sv;
    case ConfigField::Dtb: return "dtb"sv;
    case ConfigField::MemoryRegions: return "memory_regions"sv;
    case ConfigField::EmulatedDevices: return "emulated_devices"sv;
    case ConfigField::PassthroughDevices: return "passthrough_devices"sv;
    case ConfigField::InterruptMode: return "interrupt_mode"sv;
    case ConfigField::AddressSpacePolicy: return "address_space_policy"sv;
  }
  return "unknown"sv;
}

std::unexpected<Error> unsupported_device(EmulatedDeviceType type) noexcept {
  const auto named = [](std::string_view detail) {
    return fail(ErrorKind::Unsupported, "create device"sv, detail);
  };
  switch (type) {
    case EmulatedDeviceType::Dummy: return named("no dummy device (0x0) is emulated"sv);
    case EmulatedDeviceType::InterruptController:
      return named("no interrupt controller (0x1) is emulated"sv);
    case EmulatedDeviceType::Console: return named("no console (0x2) is emulated"sv);
    case EmulatedDeviceType::FwCfg: return named("no fw_cfg (0x3) is emulated"sv);
    case EmulatedDeviceType::IvcChannel: return named("an IVC channel (0xa) is no device"sv);
    case EmulatedDeviceType::GpptRedistributor:
      return named("no GIC partial-passthrough redistributor (0x20) is emulated"sv);
    case EmulatedDeviceType::GpptDistributor:
      return named("no GIC partial-passthrough distributor (0x21) is emulated"sv);
    case EmulatedDeviceType::GpptIts:
      return named("no GIC partial-passthrough ITS (0x22) is emulated"sv);
    case EmulatedDeviceType::X86IoApic: return named("no IOAPIC (0x23) is emulated"sv);
    case EmulatedDeviceType::X86Pit: return named("no PIT (0x24) is emulated"sv);
    case EmulatedDeviceType::LoongArchPchPic: return named("no PCH-PIC (0x25) is emulated"sv);
    case EmulatedDeviceType::PpptGlobal:
      return named("no PLIC partial-passthrough (0x30) is emulated"sv);
    case EmulatedDeviceType::VirtioBlock: return named("no virtio block (0xe1) is emulated"sv);
    case EmulatedDeviceType::VirtioNet: return named("no virtio net (0xe2) is emulated"sv);
    case EmulatedDeviceType::VirtioConsole: return named("no virtio console (0xe3) is emulated"sv);
    case EmulatedDeviceType::VirtioEntropy: return named("no virtio entropy (0xe4) is emulated"sv);
    case EmulatedDeviceType::Flash: return named("no flash (0xf0) is emulated"sv);
    case EmulatedDeviceType::Rtc: return named("no real-time clock (0xf1) is emulated"sv);
  }
  return named("no device of this type is emulated"sv);
}

}  // namespace axvm
