// Interrupts at asynchronous points ("Interrupts" of the hypervisor extension): HS-mode's while a
// guest runs, and VS-mode's.

#include <algorithm>
#include <sim/arch/riscv64/guest_core.hpp>

namespace axvm::sim::riscv64 {
namespace {

/// scause.Interrupt.
constexpr std::uint64_t kInterruptCause = 1ULL << 63;
/// A turn that no branch ends is cut here, this many instructions late.
constexpr std::uint64_t kMaxStraightLine = 4096;

}  // namespace

std::uint64_t GuestCore::cut_at(std::uint64_t time) const noexcept {
  const std::uint64_t due = instructions_at(time);
  return due > kNoTarget - kMaxStraightLine ? kNoTarget : due + kMaxStraightLine;
}
std::uint64_t GuestCore::leave_cut() const noexcept {
  return cut_at(std::min(turn_end_, Interrupts::timer_for_hs(hs_, time())));
}
std::uint64_t GuestCore::take_cut() const noexcept {
  return cut_at(Interrupts::timer_for_vs(hs_, time()));
}

GuestCore::Stop GuestCore::reason_to_leave() {
  if (const auto cause = Interrupts::for_hs(hs_, time())) {
    interrupt_ = *cause;
    return Stop::Interrupt;
  }
  return time() < turn_end_ ? Stop::None : Stop::TurnEnd;
}

GuestCore::Stop GuestCore::reason_before_fetch_fault(std::uint64_t pc) {
  retirement_.close();
  const std::uint64_t total = retirement_.total();
  if (total >= limit_) return Stop::Limit;
  const bool point = is_asynchronous_point(pc);
  if (point || total >= leave_cut()) {
    if (const Stop stop = reason_to_leave(); stop != Stop::None) return stop;
  }
  return (point || total >= take_cut()) && take_interrupt(pc) ? Stop::Resume : Stop::None;
}

bool GuestCore::take_interrupt(std::uint64_t va) {
  const std::uint64_t top = Interrupts::vstopi(hs_, time());
  if (top == 0) return false;
  const bool masked = engine_.privilege() == Privilege::Supervisor &&
                      (engine_.reg(UC_RISCV_REG_SSTATUS) & status::SIE) == 0;
  if (masked) return false;
  take_to_vs(static_cast<Cause>(kInterruptCause | top >> 16), va, 0);
  return true;
}

}  // namespace axvm::sim::riscv64
