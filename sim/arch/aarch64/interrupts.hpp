#pragma once
// The private peripheral interrupts of one pCPU as its physical interrupt controller sees them
// (IHI 0069, 4.1): which are enabled, which are active. All are level-sensitive: what is pending is
// what its source asserts now.

#include <bit>
#include <cstdint>
#include <sim/state.hpp>

namespace axvm::sim::aarch64 {

class PrivateInterrupts {
 public:
  /// What acknowledging finds when nothing is pending (IHI 0069, 2.2.1: special INTIDs).
  static constexpr std::uint32_t kNone = 1023;

  static constexpr bool is_private(std::uint32_t intid) noexcept { return intid < 32; }

  void enable(std::uint32_t intid, bool on) noexcept {
    if (!is_private(intid)) return;
    enabled_ = on ? enabled_ | bit(intid) : enabled_ & ~bit(intid);
  }
  /// Whether the interrupt reaches the CPU while its source asserts it. `intid` is private.
  [[nodiscard]] bool is_open(std::uint32_t intid) const noexcept {
    return (enabled_ & ~active_ & bit(intid)) != 0;
  }
  /// The pending interrupt, which becomes active; the lowest INTID of several, kNone of none.
  /// `asserted` has a bit per INTID.
  std::uint32_t acknowledge(std::uint32_t asserted) noexcept {
    const std::uint32_t pending = asserted & enabled_ & ~active_;
    if (pending == 0) return kNone;
    const auto intid = static_cast<std::uint32_t>(std::countr_zero(pending));
    active_ |= bit(intid);
    return intid;
  }
  /// Priority drop and deactivation. Others than active ones are ignored.
  void end(std::uint32_t intid) noexcept {
    if (is_private(intid)) active_ &= ~bit(intid);
  }

  [[nodiscard]] static constexpr std::uint32_t bit(std::uint32_t intid) noexcept {
    return std::uint32_t{1} << intid;
  }

  void describe(StateVisitor& v) {
    v.value("interrupts_enabled", enabled_);
    v.value("interrupts_active", active_);
  }

 private:
  std::uint32_t enabled_ = 0;
  std::uint32_t active_ = 0;
};

}  // namespace axvm::sim::aarch64
