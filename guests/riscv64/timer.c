// The timer interrupts, set by stimecmp or by an SBI call, once each time and no earlier than it
// should; masked by sie or sstatus it does not; WFI sleeps until then.

#include "runtime/interrupts.h"

#define TICKS 1000UL
#define PENDING INTERRUPT_BIT(TIMER_INTERRUPT)

static volatile unsigned taken;
static volatile uint64_t taken_at;

bool guest_interrupt(uint64_t code) {
  if (code != TIMER_INTERRUPT) return false;
  taken_at = read_time();
  ++taken;
  check_equal("interrupts while one is taken", READ_CSR(sstatus) & SSTATUS_SIE, 0);
  set_timer(NEVER);
  return true;
}

static void sleep_until(unsigned target) {
  mask_interrupts();
  while (taken != target) {
    wait_for_interrupt();
    take_interrupts();
  }
  unmask_interrupts();
}

static void spin(uint64_t ticks) {
  for (uint64_t begin = read_time(); read_time() - begin < ticks;) continue;
}

static void by_register(void) {
  for (unsigned n = 1; n <= 5; ++n) {
    uint64_t due = read_time() + TICKS;
    mask_interrupts();  // or it may come before stimecmp is read
    set_timer(due);
    check_equal("stimecmp", READ_CSR(0x14d), due);
    sleep_until(n);
    check("stimecmp's interrupt is not early", taken_at >= due);
  }
}

static void by_call(void) {
  unsigned before = taken;
  for (unsigned n = 1; n <= 3; ++n) {
    uint64_t due = read_time() + TICKS;
    sbi_set_timer(due);
    sleep_until(before + n);
    check("set_timer's interrupt is not early", taken_at >= due);
  }
}

static void masked(void) {
  unsigned before = taken;
  disable_interrupt(TIMER_INTERRUPT);
  set_timer(0);
  spin(TICKS);
  check_equal("masked by sie", taken, before);

  mask_interrupts();
  enable_interrupt(TIMER_INTERRUPT);
  spin(TICKS);
  check_equal("masked by sstatus", taken, before);
  wait_for_interrupt();  // does not sleep: it is pending and enabled
  unmask_interrupts();
  spin(TICKS);
  check_equal("it is taken at last", taken, before + 1);
  check_equal("and pending no more", READ_CSR(sip) & PENDING, 0);
}

// The interrupt is a comparison's result, which no write to sip changes. It is told by being taken,
// since not every machine shows it in sip.
static void withdrawn(void) {
  unsigned before = taken;
  mask_interrupts();
  set_timer(0);
  spin(TICKS);
  CLEAR_CSR(sip, PENDING);
  take_interrupts();
  check_equal("sip.STIP is read-only", taken, before + 1);
  set_timer(0);
  spin(TICKS);
  set_timer(NEVER);
  check_equal("a withdrawn interrupt", READ_CSR(sip) & PENDING, 0);
  unmask_interrupts();
  spin(TICKS);
  check_equal("is not taken", taken, before + 1);
}

int main(void) {
  set_timer(NEVER);
  enable_interrupt(TIMER_INTERRUPT);
  check_equal("nothing is pending", READ_CSR(sip), 0);
  unmask_interrupts();
  by_register();
  by_call();
  masked();
  withdrawn();
  print("timer: %u ticks\n", taken);
  return check_summary("timer");
}
