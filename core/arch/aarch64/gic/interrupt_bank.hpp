#pragma once
// The state of 32 interrupts, one bit each (IHI 0069, 4.1 and 4.3).

#include <array>
#include <axvm/result.hpp>
#include <axvm/state.hpp>
#include <cstdint>

namespace axvm::aarch64 {

/// What has moved into a list register is told apart: its pending state, when it is not the level
/// of a wire, is there and not here.
struct InterruptBank {
  static constexpr std::uint8_t kDefaultPriority = 0xa0;

  std::uint32_t group1 = 0;
  std::uint32_t enabled = 0;
  std::uint32_t edge = 0;     ///< edge-triggered; the others are level-sensitive
  std::uint32_t latched = 0;  ///< pending by an edge, a message or a register
  std::uint32_t level = 0;    ///< the wire's level
  std::uint32_t active = 0;
  /// In a list register as pending, on behalf of `latched`.
  std::uint32_t lent = 0;
  /// The guest has taken these back while they were in a list register of another CPU.
  std::uint32_t drop_pending = 0;
  std::uint32_t drop_active = 0;
  std::array<std::uint8_t, 32> priority{};

  /// What waits to be delivered.
  [[nodiscard]] std::uint32_t pending() const noexcept { return latched | (level & ~edge); }
  /// What a guest sees as pending.
  [[nodiscard]] std::uint32_t visibly_pending() const noexcept { return pending() | lent; }

  void set_line(std::uint32_t bit, bool high) noexcept {
    if (high && (level & bit) == 0) latched |= edge & bit;
    level = high ? level | bit : level & ~bit;
  }

  void describe(StateVisitor& visitor) {
    visitor.value("group1"sv, group1);
    visitor.value("enabled"sv, enabled);
    visitor.value("edge"sv, edge);
    visitor.value("latched"sv, latched);
    visitor.value("level"sv, level);
    visitor.value("active"sv, active);
    visitor.value("lent"sv, lent);
    visitor.value("drop_pending"sv, drop_pending);
    visitor.value("drop_active"sv, drop_active);
    visitor.bytes("priority"sv, std::as_writable_bytes(std::span(priority)));
  }
};

}  // namespace axvm::aarch64
