#pragma once
// RISC-V Supervisor Binary Interface 2.0: numbers, names, errors. What the calls do is in the files
// beside, one per group of extensions.

#include <array>
#include <cstdint>
#include <string_view>

namespace axvm::riscv64::sbi {

/// Major version in bits 30:24, minor in 23:0.
inline constexpr std::uint64_t kVersion_2_0 = 2ULL << 24;
/// "AxVM": no registered number is ours.
inline constexpr std::uint64_t kImplementationId = 0x4178'564d;
inline constexpr std::uint64_t kImplementationVersion = 1;

/// a7. Values without a name are legal too.
enum class Extension : std::uint64_t {
  LegacySetTimer = 0x00,
  LegacyConsolePutchar = 0x01,
  LegacyConsoleGetchar = 0x02,
  LegacyClearIpi = 0x03,
  LegacySendIpi = 0x04,
  LegacyRemoteFenceI = 0x05,
  LegacyRemoteSfenceVma = 0x06,
  LegacyRemoteSfenceVmaAsid = 0x07,
  LegacyShutdown = 0x08,
  Base = 0x10,
  Time = 0x5449'4d45,
  Ipi = 0x73'5049,
  Rfence = 0x5246'4e43,
  Hsm = 0x48'534d,
  SystemReset = 0x5352'5354,
  SystemSuspend = 0x5355'5350,
  StealTime = 0x53'5441,
  DebugConsole = 0x4442'434e,
  Pmu = 0x50'4d55,
  Hypercall = 0x48'5643,  ///< not SBI's: the VMM's own calls, with upstream's number ("HVC")
};

/// Whether guests have the extension.
[[nodiscard]] constexpr bool is_supported(Extension extension) noexcept {
  switch (extension) {
    case Extension::LegacySetTimer:
    case Extension::LegacyConsolePutchar:
    case Extension::LegacyConsoleGetchar:
    case Extension::LegacyClearIpi:
    case Extension::LegacySendIpi:
    case Extension::LegacyRemoteFenceI:
    case Extension::LegacyRemoteSfenceVma:
    case Extension::LegacyRemoteSfenceVmaAsid:
    case Extension::LegacyShutdown:
    case Extension::Base:
    case Extension::Time:
    case Extension::Ipi:
    case Extension::Rfence:
    case Extension::Hsm:
    case Extension::SystemReset:
    case Extension::SystemSuspend:
    case Extension::StealTime:
    case Extension::DebugConsole:
    case Extension::Pmu:
    case Extension::Hypercall: return true;
  }
  return false;
}

/// Legacy calls have no functions, and return one value only.
[[nodiscard]] constexpr bool is_legacy(Extension extension) noexcept {
  return static_cast<std::uint64_t>(extension) <= 0x0f;
}

/// a0 of the answer ("Binary Encoding", table 1).
enum class Status : std::int64_t {
  Success = 0,
  Failed = -1,
  NotSupported = -2,
  InvalidParam = -3,
  Denied = -4,
  InvalidAddress = -5,
  AlreadyAvailable = -6,
  AlreadyStarted = -7,
  AlreadyStopped = -8,
  NoShmem = -9,
};

[[nodiscard]] constexpr std::uint64_t to_register(Status status) noexcept {
  return static_cast<std::uint64_t>(status);
}

/// One call, as the guest's registers say.
struct Call {
  Extension extension = Extension::Base;  ///< a7
  std::uint64_t function = 0;             ///< a6; of legacy calls 0
  std::array<std::uint64_t, 5> a{};       ///< a0..a4
  /// Both numbers as one, for the trace: the extension is in bits 63:32.
  [[nodiscard]] constexpr std::uint64_t number() const noexcept {
    return static_cast<std::uint64_t>(extension) << 32 | (function & 0xffff'ffff);
  }
};

/// "sbi_hart_start"; empty when the call has no name here.
[[nodiscard]] std::string_view to_string(const Call& call) noexcept;

namespace base {
enum Function : std::uint64_t {
  kGetSpecVersion = 0,
  kGetImplId = 1,
  kGetImplVersion = 2,
  kProbeExtension = 3,
  kGetMvendorid = 4,
  kGetMarchid = 5,
  kGetMimpid = 6,
};
}  // namespace base

namespace time {
enum Function : std::uint64_t { kSetTimer = 0 };
}  // namespace time

namespace ipi {
enum Function : std::uint64_t { kSendIpi = 0 };
}  // namespace ipi

namespace rfence {
enum Function : std::uint64_t {
  kRemoteFenceI = 0,
  kRemoteSfenceVma = 1,
  kRemoteSfenceVmaAsid = 2,
};
}  // namespace rfence

namespace hsm {
enum Function : std::uint64_t {
  kHartStart = 0,
  kHartStop = 1,
  kHartGetStatus = 2,
  kHartSuspend = 3,
};
/// What kHartGetStatus answers.
enum class HartState : std::uint64_t { Started = 0, Stopped = 1, StartPending = 2, Suspended = 4 };
/// Suspend types.
inline constexpr std::uint64_t kRetentive = 0;
inline constexpr std::uint64_t kNonRetentive = 0x8000'0000;
}  // namespace hsm

namespace reset {
enum Function : std::uint64_t { kSystemReset = 0 };
enum Type : std::uint64_t { kShutdown = 0, kColdReboot = 1, kWarmReboot = 2 };
/// Reasons below this value that are not reserved are kNoReason and kSystemFailure.
inline constexpr std::uint64_t kLastReason = 1;
inline constexpr std::uint64_t kFirstVendorReason = 0xe000'0000;
inline constexpr std::uint64_t kFirstVendorType = 0xf000'0000;
}  // namespace reset

namespace suspend {
enum Function : std::uint64_t { kSystemSuspend = 0 };
inline constexpr std::uint64_t kToRam = 0;
inline constexpr std::uint64_t kFirstVendorType = 0x8000'0000;
}  // namespace suspend

namespace steal_time {
enum Function : std::uint64_t { kSetShmem = 0 };
}  // namespace steal_time

namespace console {
enum Function : std::uint64_t { kWrite = 0, kRead = 1, kWriteByte = 2 };
}  // namespace console

namespace pmu {
enum Function : std::uint64_t {
  kNumCounters = 0,
  kCounterGetInfo = 1,
  kCounterConfigMatching = 2,
  kCounterStart = 3,
  kCounterStop = 4,
  kCounterFwRead = 5,
  kCounterFwReadHi = 6,
  kSnapshotSetShmem = 7,
};
/// Flags of kCounterConfigMatching; bits 3 to 7 are hints on the modes to count in.
enum ConfigFlag : std::uint64_t { kSkipMatch = 1, kClearValue = 2, kAutoStart = 4 };
inline constexpr std::uint64_t kConfigFlags = 0xff;
/// Flags of kCounterStart.
enum StartFlag : std::uint64_t { kSetInitValue = 1, kInitSnapshot = 2 };
inline constexpr std::uint64_t kStartFlags = 3;
/// Flags of kCounterStop.
enum StopFlag : std::uint64_t { kReset = 1, kTakeSnapshot = 2 };
inline constexpr std::uint64_t kStopFlags = 3;
}  // namespace pmu

}  // namespace axvm::riscv64::sbi
