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
#include <core/memory/layout.hpp>
#include <cstdint>
#include <optional>
#include <string_view>

namespace axvm::aarch64 {

/// How the row of an interrupt controller is to be read: `base_gpa` is the distributor's, and
/// `cfg_list` is [3, base of the first redistributor], [3, that, base of the ITS] or
/// [2, base of the CPU interfaces].
struct GicLayout {
  std::uint64_t version = 0;
  /// The redistributors of a GICv3, the CPU interfaces of a GICv2.
  std::uint64_t cpu_side = 0;
  std::optional<std::uint64_t> its{};

  /// Errors: InvalidInput, with what was expected.
  [[nodiscard]] static Result<GicLayout> of(const EmulatedDeviceConfig& config) noexcept;
};

/// Where the guest finds its CPU's interface, GICV_* at `gicv` for the hardware; nothing when the
/// row is no GICv2's. Errors: InvalidInput (the row, too many vCPUs), Unsupported (no `gicv`).
[[nodiscard]] Result<std::optional<PassthroughWindow>> gic_window(
    const EmulatedDeviceConfig& config, std::size_t vcpus,
    std::optional<HostPhysRange> gicv) noexcept;

/// Ranges of the row's devices other than the distributor; empty ones where there are none.
[[nodiscard]] std::array<GuestPhysRange, 2> gic_device_ranges(const EmulatedDeviceConfig& config,
                                                              std::size_t vcpus) noexcept;

/// Calls `add` with each device. `gic` has all its vCPUs; it and `host` outlive the devices.
/// Errors: NoMemory, InvalidInput, and those of `add`.
[[nodiscard]] Result<> make_gic_devices(Allocator allocator, Gic& gic, DeviceHost& host,
                                        const EmulatedDeviceConfig& config, std::string_view name,
                                        FunctionRef<Result<>(Box<Device>)> add);

}  // namespace axvm::aarch64
