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
[[nodiscard]] constexpr Function function_of(std::uint32_t id) noexcept {
  switch (id) {
    case 0x8400'0000: return Function::Version;
    case 0x8400'0002: return Function::CpuOff;
    case 0x8400'0003:
    case 0xc400'0003: return Function::CpuOn;
    case 0x8400'0004:
    case 0xc400'0004: return Function::AffinityInfo;
    case 0x8400'0008: return Function::SystemOff;
    case 0x8400'0009: return Function::SystemReset;
    case 0x8400'000a: return Function::Features;
    default: return Function::Unknown;
  }
}

/// Unknown takes none.
[[nodiscard]] constexpr bool takes_arguments(Function function) noexcept {
  return function == Function::CpuOn || function == Function::AffinityInfo ||
         function == Function::Features;
}

/// "PSCI_VERSION", "CPU_ON"; empty for Unknown.
[[nodiscard]] std::string_view to_string(Function function) noexcept;

/// One call, as the guest's registers say.
struct Call {
  Function function;
  std::uint64_t id;                        ///< X0
  std::array<std::uint64_t, 3> arguments;  ///< X1..X3, cut to 32 bits under SMC32

  constexpr Call(std::uint64_t x0, std::uint64_t x1, std::uint64_t x2, std::uint64_t x3) noexcept
      : function(function_of(static_cast<std::uint32_t>(x0))), id(x0), arguments{x1, x2, x3} {
    constexpr std::uint32_t kSmc64 = 1U << 30;
    if (function == Function::Unknown || (x0 & kSmc64) != 0) return;
    for (std::uint64_t& argument : arguments) argument &= 0xffff'ffff;
  }
};

}  // namespace axvm::aarch64::psci
