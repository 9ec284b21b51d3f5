#pragma once
// The real-time clock of the Goldfish virtual platform, as on QEMU's RISC-V board (Android:
// "Goldfish Virtual Hardware", timer; QEMU: hw/rtc/goldfish_rtc.c).

#include <axvm/state.hpp>
#include <core/devices/device.hpp>
#include <core/devices/device_host.hpp>
#include <cstdint>
#include <optional>
#include <string_view>

namespace axvm {

/// Counts nanoseconds since 1970, by guest time.
class GoldfishRtc final : public Device {
 public:
  /// 2026-01-01 00:00:00 UTC: what the clock says at guest time 0 unless it is told otherwise.
  /// Fixed, so that every run sees the same dates.
  static constexpr std::uint32_t kDefaultEpoch = 1'767'225'600;

  /// `epoch`: what the clock says at guest time 0, in seconds.
  GoldfishRtc(std::string_view name, BusRange range, DeviceHost& host, InterruptLine line,
              std::uint32_t epoch) noexcept
      : Device(name, range), host_(host), line_(line), epoch_(epoch), offset_(nanoseconds(epoch)) {}

  /// Registers are 32 bits wide, one per word. Narrower reads give part of one, wider ones are
  /// zero above it; writes away from a register's start are ignored.
  Result<std::uint64_t> read(std::uint64_t offset, AccessWidth width) override;
  Result<> write(std::uint64_t offset, AccessWidth width, std::uint64_t value) override;

  /// Looks whether the alarm has come.
  void poll() override;
  /// When it comes, if an interrupt follows.
  [[nodiscard]] std::optional<std::uint64_t> deadline() override;
  void reset() override;
  void describe(StateVisitor& visitor) override;

 private:
  static constexpr std::uint64_t kNever = ~std::uint64_t{0};

  [[nodiscard]] static constexpr std::uint64_t nanoseconds(std::uint32_t seconds) noexcept {
    return std::uint64_t{seconds} * 1'000'000'000;
  }
  [[nodiscard]] std::uint32_t read_register(std::uint64_t offset);
  void write_register(std::uint64_t offset, std::uint32_t value);
  [[nodiscard]] std::uint64_t now() { return offset_ + host_.nanoseconds(); }
  void set(std::uint64_t time);
  /// Finds out when the clock will say what ALARM says: now, if that has passed.
  void arm();
  void update();

  DeviceHost& host_;
  InterruptLine line_;
  std::uint32_t epoch_;
  std::uint64_t offset_;         ///< what the clock says at guest time 0, after it was set
  std::uint32_t time_high_ = 0;  ///< TIME_HIGH, as when TIME_LOW was read
  std::uint64_t alarm_ = 0;      ///< ALARM_HIGH, ALARM_LOW
  bool is_armed_ = false;        ///< ALARM_STATUS: it is still to come
  std::uint64_t due_ = 0;        ///< the guest time at which it does; kNever
  bool is_enabled_ = false;      ///< IRQ_ENABLED
  bool is_raised_ = false;
};

}  // namespace axvm
