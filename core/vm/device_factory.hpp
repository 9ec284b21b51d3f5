#pragma once
// From a device's configuration to the device.

#include <axvm/backend.hpp>
#include <axvm/config.hpp>
#include <axvm/memory.hpp>
#include <axvm/result.hpp>
#include <core/devices/device.hpp>
#include <core/devices/device_host.hpp>
#include <string_view>

namespace axvm {

/// What a device is made with. What is referred to outlives the device.
struct DeviceSite {
  Allocator allocator;
  std::string_view name;
  DeviceHost& host;
  Console& console;  ///< the VM's
  DeviceBackend backend{};
};

/// The addresses that `config` names.
[[nodiscard]] constexpr BusRange mmio_range(const EmulatedDeviceConfig& config) noexcept {
  return {Bus::Mmio, config.base_gpa.value, config.length};
}

/// A device of a kind that is the same on every architecture. Preconditions: `vm` is valid,
/// `config` is one of its devices. Errors: NoMemory, Unsupported (no such kind; the host has
/// nothing behind a device that needs something).
[[nodiscard]] Result<Box<Device>> make_device(const VmConfig& vm,
                                              const EmulatedDeviceConfig& config,
                                              const DeviceSite& site);

}  // namespace axvm
