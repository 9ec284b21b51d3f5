#pragma once
// Power State Coordination Interface 1.1 (DEN0022) and the SMC Calling Convention's own calls
// (DEN0028): numbers, names, argument rules. What the calls do is firmware.hpp's business.

#include <array>
#include <cstdint>
#include <string_view>

namespace axvm::aarch64::psci {

inline constexpr std::uint64_t kVersion_1_1 = 0x0001'0001;
inline constexpr std::uint64_t kSmcccVersion_1_1 = 0x0001'0001;
/// MIGRATE_INFO_TYPE: there is no trusted OS that would need migration.
inline constexpr std::uint64_t kNoTrustedOs = 2;

/// What a function does, whichever of its two calling conventions was used.
enum class Function : std::uint8_t {
  Unknown,  ///< neither PSCI's nor the calling convention's
  SmcccVersion,
  SmcccArchFeatures,
  Version,
  CpuSuspend,
  CpuOff,
  CpuOn,
  AffinityInfo,
  Migrate,
  MigrateInfoType,
  MigrateInfoUpCpu,
  SystemOff,
  SystemReset,
  Features,
  CpuFreeze,
  CpuDefaultSuspend,
  NodeHwState,
  SystemSuspend,
  SetSuspendMode,
  StatResidency,
  StatCount,
  SystemReset2,
  MemProtect,
  MemProtectCheckRange,
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
    case 0x8000'0000: return Function::SmcccVersion;
    case 0x8000'0001: return Function::SmcccArchFeatures;
    case 0x8400'0000: return Function::Version;
    case 0x8400'0001:
    case 0xc400'0001: return Function::CpuSuspend;
    case 0x8400'0002: return Function::CpuOff;
    case 0x8400'0003:
    case 0xc400'0003: return Function::CpuOn;
    case 0x8400'0004:
    case 0xc400'0004: return Function::AffinityInfo;
    case 0x8400'0005:
    case 0xc400'0005: return Function::Migrate;
    case 0x8400'0006: return Function::MigrateInfoType;
    case 0x8400'0007:
    case 0xc400'0007: return Function::MigrateInfoUpCpu;
    case 0x8400'0008: return Function::SystemOff;
    case 0x8400'0009: return Function::SystemReset;
    case 0x8400'000a: return Function::Features;
    case 0x8400'000b: return Function::CpuFreeze;
    case 0x8400'000c:
    case 0xc400'000c: return Function::CpuDefaultSuspend;
    case 0x8400'000d:
    case 0xc400'000d: return Function::NodeHwState;
    case 0x8400'000e:
    case 0xc400'000e: return Function::SystemSuspend;
    case 0x8400'000f: return Function::SetSuspendMode;
    case 0x8400'0010:
    case 0xc400'0010: return Function::StatResidency;
    case 0x8400'0011:
    case 0xc400'0011: return Function::StatCount;
    case 0x8400'0012:
    case 0xc400'0012: return Function::SystemReset2;
    case 0x8400'0013: return Function::MemProtect;
    case 0x8400'0014:
    case 0xc400'0014: return Function::MemProtectCheckRange;
    default: return Function::Unknown;
  }
}

/// Whether the VMM implements the function; the others answer NOT_SUPPORTED.
[[nodiscard]] constexpr bool is_supported(Function function) noexcept {
  switch (function) {
    case Function::Unknown:
    case Function::Migrate:
    case Function::MigrateInfoUpCpu:
    case Function::CpuFreeze:
    case Function::NodeHwState:
    case Function::SetSuspendMode:
    case Function::StatResidency:
    case Function::StatCount:
    case Function::MemProtect:
    case Function::MemProtectCheckRange: return false;
    default: return true;
  }
}

/// False when an answer depends on nothing but the function.
[[nodiscard]] constexpr bool takes_arguments(Function function) noexcept {
  switch (function) {
    case Function::SmcccVersion:
    case Function::Version:
    case Function::CpuOff:
    case Function::MigrateInfoType:
    case Function::SystemOff:
    case Function::SystemReset: return false;
    default: return is_supported(function);
  }
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

/// CPU_SUSPEND's power_state in the original format (DEN0022 5.4.2).
struct PowerStateArgument {
  bool valid;       ///< reserved bits are zero
  bool power_down;  ///< context is lost, execution goes on at the entry point

  explicit constexpr PowerStateArgument(std::uint64_t value) noexcept
      : valid((value & ~0x0301'ffffULL) == 0), power_down((value & (1U << 16)) != 0) {}
};

/// The affinity fields of a target that AFFINITY_INFO compares at `level` (0: one CPU).
[[nodiscard]] constexpr std::uint64_t affinity_mask(std::uint64_t level) noexcept {
  constexpr std::array<std::uint64_t, 4> kMasks{0xff'00ff'ffff, 0xff'00ff'ff00, 0xff'00ff'0000,
                                                0xff'0000'0000};
  return kMasks[level & 3];
}
inline constexpr std::uint64_t kMaxAffinityLevel = 3;

/// SYSTEM_RESET2's type of an architectural warm reset; bit 31 marks types of vendors.
inline constexpr std::uint64_t kSystemWarmReset = 0;

}  // namespace axvm::aarch64::psci
