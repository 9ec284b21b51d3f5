#include <core/devices/cfi_flash.hpp>
#include <core/devices/fw_cfg.hpp>
#include <core/devices/virtio/block_device.hpp>
#include <core/devices/virtio/console_device.hpp>
#include <core/devices/virtio/entropy_device.hpp>
#include <core/devices/virtio/network_device.hpp>
#include <core/vm/device_factory.hpp>
#include <core/vm/unsupported_device.hpp>
#include <utility>

namespace axvm {
namespace {

template <class T>
Result<Box<Device>> as_device(Result<Box<T>> made) {
  if (!made) return std::unexpected(made.error());
  return Box<Device>(std::move(*made));
}

/// A device with memory and an interrupt.
template <class T, class... Args>
Result<Box<Device>> make(const EmulatedDeviceConfig& config, const DeviceSite& site,
                         Args&&... args) {
  return as_device(Box<T>::try_make(site.allocator, site.name, mmio_range(config), site.host,
                                    InterruptLine(site.host, config.irq_id),
                                    std::forward<Args>(args)...));
}

std::unexpected<Error> nothing_behind(std::string_view what) noexcept {
  return fail(ErrorKind::Unsupported, "create device"sv, what);
}

Result<Box<Device>> make_virtio(const EmulatedDeviceConfig& config, const DeviceSite& site) {
  const DeviceBackend& backend = site.backend;
  switch (config.type) {
    case EmulatedDeviceType::VirtioBlock:
      if (backend.store == nullptr) return nothing_behind("virtio block: there is no storage"sv);
      return make<virtio::BlockDevice>(config, site, *backend.store);
    case EmulatedDeviceType::VirtioNet:
      if (backend.network == nullptr) return nothing_behind("virtio net: there is no network"sv);
      return make<virtio::NetworkDevice>(config, site, *backend.network, backend.mac);
    case EmulatedDeviceType::VirtioConsole:
      return make<virtio::ConsoleDevice>(
          config, site, backend.console != nullptr ? *backend.console : site.console);
    default:
      if (backend.entropy == nullptr) {
        return nothing_behind("virtio entropy: there is no source of it"sv);
      }
      return make<virtio::EntropyDevice>(config, site, *backend.entropy);
  }
}

FwCfgFacts facts_of(const VmConfig& vm) noexcept {
  FwCfgFacts facts{.cpus = static_cast<std::uint16_t>(vm.vcpus.size())};
  for (const MemoryRegionConfig& region : vm.memory_regions) facts.ram_bytes += region.size;
  return facts;
}

}  // namespace

Result<Box<Device>> make_device(const VmConfig& vm, const EmulatedDeviceConfig& config,
                                const DeviceSite& site) {
  switch (config.type) {
    case EmulatedDeviceType::VirtioBlock:
    case EmulatedDeviceType::VirtioNet:
    case EmulatedDeviceType::VirtioConsole:
    case EmulatedDeviceType::VirtioEntropy: return make_virtio(config, site);
    case EmulatedDeviceType::Flash:
      return as_device(CfiFlash::try_make(site.allocator, site.name, mmio_range(config)));
    case EmulatedDeviceType::FwCfg:
      return as_device(FwCfg::try_make(site.allocator, site.name, mmio_range(config), site.host,
                                       facts_of(vm), site.backend.files));
    default: return unsupported_device(config.type);
  }
}

}  // namespace axvm
