#pragma once
// Power State Coordination Interface 1.1 (DEN0022): numbers, names, argument rules. What the calls
// do is the trap handler's business.

#include <array>
#include <cstdint>
#include <string_view>

namespace axvm::aarch64::psci {

inline constexpr std::uint64_t kVersion_1_1 = 0x0001'0001;

/// What a function does, whichever of its two calling conventions was used.
enum class Function : std::uint8_t {
  Unknown,
  Version,
  CpuOff,
  CpuOn,
  AffinityInfo,
  SystemOff,
  SystemReset,
  Features,
};

/// Return values (DEN0022 5.2.2), as X0 holds them.
enum class Status : std::int64_t {
  Success = 0,
  NotSupported = -1,
  InvalidParameters = -2,
  Denied = -3,
  AlreadyOn = -4,
  OnPending = -5,
  InternalFailure = -6,
  InvalidAddress = -9,
};

[[nodiscard]] constexpr std::uint64_t to_register(Status status) noexcept {
  return static_cast<std::uint64_t>(status);
}

/// The function with this identifier in W0 (bit 30: arguments are 64 bits wide).
[[nodiscard]] Function function_of(std::uint32_t id) noexcept;

/// False when the function identified by X0 takes none, or is Unknown.
[[nodiscard]] bool takes_arguments(std::uint64_t x0) noexcept;

/// "PSCI_VERSION", "CPU_ON"; empty for Unknown.
[[nodiscard]] std::string_view to_string(Function function) noexcept;

/// One call, as the guest's registers say.
struct Call {
  Function function;
  std::uint64_t id;                        ///< X0
  std::array<std::uint64_t, 3> arguments;  ///< X1..X3, cut to 32 bits under SMC32

  Call(std::uint64_t x0, std::uint64_t x1, std::uint64_t x2, std::uint64_t x3) noexcept;
};

}  // namespace axvm::aarch64::psci
