#pragma once
// The devices by which a guest sees its interrupt controllers, from rows of the configuration.

#include <array>
#include <axvm/address.hpp>
#include <axvm/config.hpp>
#include <axvm/function_ref.hpp>
#include <axvm/memory.hpp>
#include <axvm/result.hpp>
#include <core/arch/riscv64/interrupt_controller.hpp>
#include <core/devices/device.hpp>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace axvm::riscv64 {

/// How the row of an interrupt controller is to be read: `base_gpa` is its own, and `cfg_list` is
/// empty or [1] for a PLIC, [2] for an APLIC that interrupts harts itself, [2, base of the
/// interrupt files] for one that sends messages to IMSICs, [3] for ACLINT's SSWI, which is beside
/// one of the others or alone.
struct ControllerLayout {
  enum class Kind : std::uint8_t { Plic = 1, Aplic = 2, Sswi = 3 };
  Kind kind = Kind::Plic;
  std::optional<std::uint64_t> interrupt_files{};  ///< of an APLIC

  /// Errors: InvalidInput, with what was expected.
  [[nodiscard]] static Result<ControllerLayout> of(const EmulatedDeviceConfig& config,
                                                   std::size_t vcpus) noexcept;
};

/// Ranges of the row's devices other than its own; empty ones where there are none.
[[nodiscard]] std::array<GuestPhysRange, 2> controller_ranges(const EmulatedDeviceConfig& config,
                                                              std::size_t vcpus) noexcept;

/// Calls `add` with each device. `controller` has all its vCPUs and outlives the devices. Errors:
/// NoMemory, InvalidInput, and those of `add`.
[[nodiscard]] Result<> make_controller_devices(Allocator allocator, InterruptController& controller,
                                               const EmulatedDeviceConfig& config,
                                               std::string_view name,
                                               FunctionRef<Result<>(Box<Device>)> add);

}  // namespace axvm::riscv64
