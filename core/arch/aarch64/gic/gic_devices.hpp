#pragma once
// The devices by which a guest sees its GIC, from a row of the configuration.

#include <array>
#include <axvm/address.hpp>
#include <axvm/config.hpp>
#include <axvm/function_ref.hpp>
#include <axvm/memory.hpp>
#include <axvm/result.hpp>
#include <core/arch/aarch64/gic/gic.hpp>
#include <core/devices/device.hpp>
#include <core/devices/device_host.hpp>
#include <cstdint>
#include <optional>
#include <string_view>

namespace axvm::aarch64 {

/// How the row of an interrupt controller is to be read: `base_gpa` is the distributor's, and
/// `cfg_list` is [3, base of the first redistributor] or [3, that, base of the ITS].
struct GicLayout {
  std::uint64_t version = 0;
  std::uint64_t redistributors = 0;
  std::optional<std::uint64_t> its{};

  /// Errors: InvalidInput, with what was expected.
  [[nodiscard]] static Result<GicLayout> of(const EmulatedDeviceConfig& config) noexcept;
};

/// Ranges of the row's devices other than the distributor; empty ones where there are none.
[[nodiscard]] std::array<GuestPhysRange, 2> gic_device_ranges(const EmulatedDeviceConfig& config,
                                                              std::size_t vcpus) noexcept;

/// Calls `add` with each device. `gic` has all its vCPUs; it and `host` outlive the devices.
/// Errors: NoMemory, InvalidInput, and those of `add`.
[[nodiscard]] Result<> make_gic_devices(Allocator allocator, Gic& gic, DeviceHost& host,
                                        const EmulatedDeviceConfig& config, std::string_view name,
                                        FunctionRef<Result<>(Box<Device>)> add);

}  // namespace axvm::aarch64
