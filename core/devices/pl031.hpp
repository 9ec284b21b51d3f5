#pragma once
// Arm PrimeCell real time clock (PL031). Technical Reference Manual: DDI 0224.

#include <axvm/state.hpp>
#include <core/devices/device.hpp>
#include <core/devices/device_host.hpp>
#include <cstdint>
#include <optional>
#include <string_view>

namespace axvm {

/// Counts seconds of guest time. The clock is found running, as firmware leaves it, and cannot be
/// stopped (3.3.4).
class Pl031 final : public Device {
 public:
  /// 2026-01-01 00:00:00 UTC, in seconds since 1970: what the clock says at guest time 0 unless it
  /// is told otherwise. Fixed, so that every run sees the same dates.
  static constexpr std::uint32_t kDefaultEpoch = 1'767'225'600;
  static constexpr std::uint64_t kSmallestLength = 0x1000;

  /// `epoch`: what the clock says at guest time 0.
  Pl031(std::string_view name, BusRange range, DeviceHost& host, InterruptLine line,
        std::uint32_t epoch) noexcept
      : Device(name, range), host_(host), line_(line), epoch_(epoch), offset_(epoch) {}

  /// Registers are 32 bits wide, one per word. Narrower reads give part of one, wider ones are
  /// zero above it; writes away from a register's start are ignored.
  Result<std::uint64_t> read(std::uint64_t offset, AccessWidth width) override;
  Result<> write(std::uint64_t offset, AccessWidth width, std::uint64_t value) override;

  /// Looks whether the match has come.
  void poll() override;
  /// When it comes, if an interrupt follows.
  [[nodiscard]] std::optional<std::uint64_t> deadline() override;
  void reset() override;
  void describe(StateVisitor& visitor) override;

 private:
  [[nodiscard]] std::uint32_t read_register(std::uint64_t offset);
  void write_register(std::uint64_t offset, std::uint32_t value);
  [[nodiscard]] std::uint64_t seconds() { return host_.nanoseconds() / 1'000'000'000; }
  /// RTCDR.
  [[nodiscard]] std::uint32_t now() { return offset_ + static_cast<std::uint32_t>(seconds()); }
  /// Finds out when the clock will next say what RTCMR says: now, if it does already.
  void arm();
  void update();

  DeviceHost& host_;
  InterruptLine line_;  ///< RTCINTR
  std::uint32_t epoch_;
  std::uint32_t offset_;      ///< what the clock says at guest time 0, after it was set
  std::uint32_t load_ = 0;    ///< RTCLR
  std::uint32_t match_ = 0;   ///< RTCMR
  bool is_armed_ = false;     ///< the match is still to come
  std::uint64_t due_ = 0;     ///< the second of guest time at which it does
  bool is_unmasked_ = false;  ///< RTCIMSC
  bool is_raised_ = false;    ///< RTCRIS
};

}  // namespace axvm
