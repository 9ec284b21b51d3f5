// HS-mode's interrupts: its timer, and those that harts send each other by firmware. The board's
// interrupt controller is not used.

#include <hal-hs/board.hpp>
#include <hal-hs/sbi.hpp>
#include <hal-metal/platform.hpp>

namespace axvm::hal_metal {
namespace {

namespace sbi = hal_hs::sbi;

// Numbers of interrupts, as in scause, and bits of sip.
constexpr std::uint32_t kSoftware = 1;
constexpr std::uint32_t kTimer = 5;

bool is_pending(std::uint32_t number) {
  std::uint64_t sip = 0;
  asm volatile("csrr %0, sip" : "=r"(sip)::"memory");
  return (sip >> number & 1) != 0;
}

}  // namespace

void enable_interrupt_controller() {}

// Which ones end a guest's run, the core says by sie.
void enable_interrupts() {
  stop_timer();
  end_cpu_interrupts();
}

void interrupt_cpu(unsigned cpu) {
  constexpr std::uint64_t kSendIpi = 0;
  sbi::call(sbi::Extension::Ipi, kSendIpi, std::uint64_t{1} << hal_hs::hart_of(cpu));
}

std::uint32_t acknowledge_interrupt() {
  if (is_pending(kSoftware)) {
    end_cpu_interrupts();
    return kSoftware;
  }
  return is_pending(kTimer) ? kTimer : kFirstNoInterrupt;
}

// Nothing is active between its two ends.
void end_interrupt(std::uint32_t) {}

void end_cpu_interrupts() {
  asm volatile("csrc sip, %0" ::"r"(std::uint64_t{1} << kSoftware) : "memory");
}

bool is_own_interrupt(const TrapTaken& trap) { return trap.syndrome >> 63 != 0; }

}  // namespace axvm::hal_metal
