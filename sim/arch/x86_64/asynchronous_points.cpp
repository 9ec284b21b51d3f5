// What is taken between two instructions: the end of a turn, which is a physical interrupt, and
// virtual interrupts (APM Vol. 2 15.21).

#include <algorithm>
#include <sim/arch/x86_64/guest_core.hpp>
#include <sim/arch/x86_64/machine.hpp>

namespace axvm::sim::x86_64 {
namespace {

/// A turn that no branch ends is cut here, this many instructions late.
constexpr std::uint64_t kMaxStraightLine = 4096;

// The control block's field.
constexpr std::uint64_t kPending = 1ULL << 8;
constexpr std::uint64_t kIgnoreTpr = 1ULL << 20;

}  // namespace

std::uint64_t GuestCore::cut() const noexcept {
  if (turn_end_ > kNoTarget - kMaxStraightLine) return kNoTarget;
  return (turn_end_ > idle_ ? turn_end_ - idle_ : 0) + kMaxStraightLine;
}

void GuestCore::schedule_attention() noexcept {
  if (chaos_.enabled() || (virtual_interrupt_ & kPending) != 0) {
    attention_ = 0;
    return;
  }
  const std::uint64_t turn = turn_end_ == kNoTarget ? kNoTarget
                             : turn_end_ > idle_    ? turn_end_ - idle_
                                                    : 0;
  attention_ = std::min(limit_, turn);
}

bool GuestCore::in_shadow() { return (engine_.look().head().hflags & hflags::kInhibitIrq) != 0; }

bool GuestCore::virtual_interrupt_is_due() {
  if ((virtual_interrupt_ & kPending) == 0) return false;
  const std::uint64_t priority = field(virtual_interrupt_, 19, 16);
  const std::uint64_t tpr = field(virtual_interrupt_, 3, 0);
  if ((virtual_interrupt_ & kIgnoreTpr) == 0 && priority <= tpr) return false;
  return (engine_.rflags() & rflags::IF) != 0;
}

GuestCore::Exit GuestCore::take_what_is_due(bool& taken) {
  taken = !in_shadow() && (time() >= turn_end_ || virtual_interrupt_is_due());
  if (!taken) return std::nullopt;
  if (time() >= turn_end_) return leave_to_owner();
  if (controls_.wants(ExitCode::Vintr)) return leave(ExitCode::Vintr);
  virtual_interrupt_ &= ~kPending;
  const auto vector = static_cast<std::uint8_t>(field(virtual_interrupt_, 39, 32));
  return deliver({.type = Event::Type::Interrupt, .vector = vector}, engine_.rip());
}

}  // namespace axvm::sim::x86_64
