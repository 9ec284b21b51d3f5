#pragma once
// The timer of a local APIC (APM Vol. 2 16.4.1; TSC deadline: SDM Vol. 3A 11.5.4.1).

#include <axvm/state.hpp>
#include <cstdint>
#include <optional>

namespace axvm::x86_64 {

/// Counts guest time, in nanoseconds: each is a tick before it is divided. What it asks for is
/// `deadline()`; whoever calls `expire()` no earlier than that delivers its interrupt.
class ApicTimer {
 public:
  enum class Mode : std::uint8_t { OneShot = 0, Periodic = 1, TscDeadline = 2 };

  /// `tsc_frequency` in Hz; the time-stamp counter was 0 when guest time was.
  explicit ApicTimer(std::uint64_t tsc_frequency) noexcept : tsc_frequency_(tsc_frequency) {}

  void reset() noexcept { *this = ApicTimer(tsc_frequency_); }

  /// From or to TscDeadline the timer is disarmed; between the others it goes on counting.
  void set_mode(Mode mode) noexcept;

  // --- the registers; `now` in nanoseconds of guest time
  // ------------------------------------------
  [[nodiscard]] std::uint32_t initial_count() const noexcept { return initial_count_; }
  /// Starts to count down; 0 stops it. Ignored for TscDeadline.
  void set_initial_count(std::uint32_t count, std::uint64_t now) noexcept;
  [[nodiscard]] std::uint32_t current_count(std::uint64_t now) const noexcept;
  [[nodiscard]] std::uint32_t divide_configuration() const noexcept { return divide_; }
  /// Bits 3, 1 and 0. What has been counted stays so.
  void set_divide_configuration(std::uint32_t value, std::uint64_t now) noexcept;
  /// MSR 6E0h: 0 when it is not armed, which it always is not in other modes.
  [[nodiscard]] std::uint64_t tsc_deadline() const noexcept { return tsc_deadline_; }
  /// Ignored in other modes.
  void set_tsc_deadline(std::uint64_t tsc) noexcept;

  /// When it expires next, in nanoseconds of guest time; nothing: never.
  [[nodiscard]] std::optional<std::uint64_t> deadline() const noexcept;
  /// True when it has expired by `now`, since the last call: once for any number of periods.
  bool expire(std::uint64_t now) noexcept;

  void describe(StateVisitor& visitor);

 private:
  [[nodiscard]] unsigned shift() const noexcept;
  [[nodiscard]] std::uint64_t period() const noexcept {
    return std::uint64_t{initial_count_} << shift();
  }

  std::uint64_t tsc_frequency_;
  Mode mode_ = Mode::OneShot;
  std::uint32_t initial_count_ = 0;
  std::uint32_t divide_ = 0;        ///< bits 3, 1, 0
  std::uint64_t tsc_deadline_ = 0;  ///< TscDeadline: 0 is none
  bool is_counting_ = false;        ///< the others: `expiry_` holds
  std::uint64_t expiry_ = 0;
};

}  // namespace axvm::x86_64
