// Interrupts: what the timers assert, what the controller lets through, and who takes it at an
// asynchronous point (DDI 0487 D1.3.6, G8 of IHI 0069 for the controller).

#include <algorithm>
#include <array>
#include <sim/arch/aarch64/guest_core.hpp>
#include <sim/arch/aarch64/syndrome.hpp>
#include <sim/arch/aarch64/traps.hpp>

namespace axvm::sim::aarch64 {
namespace {

// Offsets within a group of VBAR_EL1's vectors (D1.3.1.5).
constexpr std::uint64_t kIrqOffset = 0x80;
constexpr std::uint64_t kFiqOffset = 0x100;
constexpr std::uint64_t kSErrorOffset = 0x180;

constexpr std::uint32_t kPstateF = 1U << 6;
constexpr std::uint32_t kPstateI = 1U << 7;
constexpr std::uint32_t kPstateA = 1U << 8;

constexpr std::uint32_t kMaintenance =
    PrivateInterrupts::bit(VirtualCpuInterface::kMaintenanceIntid);

// virtual_interrupts()
constexpr unsigned kFiq = 1;
constexpr unsigned kIrq = 2;
constexpr unsigned kSError = 4;

}  // namespace

void GuestCore::enable_interrupt(std::uint32_t intid, bool on) {
  interrupts_.enable(intid, on);
  refresh_interrupts(time());
}

std::uint32_t GuestCore::acknowledge_interrupt() {
  const std::uint32_t intid = interrupts_.acknowledge(asserted_interrupts(time()));
  refresh_interrupts(time());
  return intid;
}

void GuestCore::end_interrupt(std::uint32_t intid) {
  interrupts_.end(intid);
  refresh_interrupts(time());
}

std::uint32_t GuestCore::asserted_interrupts(std::uint64_t now) const noexcept {
  std::uint32_t asserted = 0;
  for (const Timers::Id timer : Timers::kAll) {
    if (timers_.asserts(timer, now, el2_.cntvoff)) {
      asserted |= PrivateInterrupts::bit(Timers::intid(timer));
    }
  }
  if (el2_.gic.maintenance()) asserted |= kMaintenance;
  return asserted;
}

bool GuestCore::maintenance_is_due() const noexcept {
  return el2_.gic.maintenance() && interrupts_.is_open(VirtualCpuInterface::kMaintenanceIntid);
}

void GuestCore::refresh_interrupts(std::uint64_t now) noexcept {
  // Asserted at once, it is due from the beginning of time.
  interrupt_due_ = maintenance_is_due() ? 0 : Pcpu::kNever;
  for (const Timers::Id timer : Timers::kAll) {
    if (!interrupts_.is_open(Timers::intid(timer))) continue;
    interrupt_due_ = std::min(interrupt_due_, timers_.next_assertion(timer, now, el2_.cntvoff));
  }
}

bool GuestCore::interrupt_asserted(std::uint64_t now) noexcept {
  if (now < interrupt_due_) return false;
  if (maintenance_is_due()) return true;
  // A counter with an offset in the future wraps: a condition that was met may be no longer.
  for (const Timers::Id timer : Timers::kAll) {
    if (interrupts_.is_open(Timers::intid(timer)) && timers_.asserts(timer, now, el2_.cntvoff)) {
      return true;
    }
  }
  refresh_interrupts(now);
  return false;
}

bool GuestCore::follows_synchronization(std::uint64_t va) const {
  return synchronizes_interrupts(instruction_at(va - Retirement::kInstructionBytes));
}

bool GuestCore::take_interrupt(std::uint64_t va) {
  const auto leave = [this](Stop stop) {
    retirement_.close();
    request(stop);
    return true;
  };
  const auto take = [this, va](std::uint64_t offset) {
    retirement_.close();
    take_to_el1(offset, va);
    return true;
  };
  const bool physical = interrupt_asserted(time());
  if (physical && (el2_.hcr & hcr::IMO) != 0) return leave(Stop::Interrupt);
  if (time() >= turn_end_) return leave(Stop::TurnEnd);

  const unsigned pending = virtual_interrupts();
  if (pending == 0 && !physical) return false;
  const std::uint32_t pstate = engine_.pstate();
  if ((pending & kSError) != 0 && (pstate & kPstateA) == 0) {
    // D1.3.6.2: taking it is what ends it.
    el2_.hcr &= ~hcr::VSE;
    mmu_.registers().hcr_el2 = el2_.hcr;
    engine_.set_system(reg::ESR_EL1, serror_syndrome());
    return take(kSErrorOffset);
  }
  if ((pending & kFiq) != 0 && (pstate & kPstateF) == 0) return take(kFiqOffset);
  if (((pending & kIrq) != 0 || physical) && (pstate & kPstateI) == 0) return take(kIrqOffset);
  return false;
}

/// ISR_EL1 (D24.2.74): what EL2 routes to itself is seen through its virtual counterpart.
std::uint64_t GuestCore::isr() noexcept {
  const unsigned pending = virtual_interrupts();
  const bool physical = (el2_.hcr & hcr::IMO) == 0 && interrupt_asserted(exact_time());
  return ((pending & kSError) != 0 ? std::uint64_t{kPstateA} : 0) |
         ((pending & kIrq) != 0 || physical ? std::uint64_t{kPstateI} : 0) |
         ((pending & kFiq) != 0 ? std::uint64_t{kPstateF} : 0);
}

}  // namespace axvm::sim::aarch64
