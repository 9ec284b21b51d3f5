// Both timers interrupt, once each time and no earlier than they should; what is masked at the
// timer, at the interface or by PSTATE does not; WFI sleeps until then.

#include "runtime/interrupts.h"
#include "runtime/psci.h"

#define TICKS 1000UL

static volatile unsigned taken[2];
static volatile uint64_t taken_at;
static volatile unsigned spurious;

bool guest_interrupt(void) {
  uint32_t intid = acknowledge_interrupt();
  switch (intid) {
    case VIRTUAL_TIMER:
      taken_at = READ_SYSREG(cntvct_el0);
      ++taken[0];
      WRITE_SYSREG(cntv_ctl_el0, 0);
      break;
    case PHYSICAL_TIMER:
      taken_at = READ_SYSREG(cntpct_el0);
      ++taken[1];
      WRITE_SYSREG(cntp_ctl_el0, 0);
      break;
    case NO_INTERRUPT: ++spurious; return true;
    default: return false;
  }
  check_equal("running priority", READ_SYSREG(icc_rpr_el1), 0xa0);
  check_equal("a second acknowledgement", acknowledge_interrupt(), NO_INTERRUPT);
  end_interrupt(intid);
  return true;
}

static void sleep_until(volatile unsigned* count, unsigned target) {
  mask_interrupts();
  while (*count != target) {
    wait_for_interrupt();
    take_interrupts();
  }
  unmask_interrupts();
}

static void spin(uint64_t ticks) {
  for (uint64_t begin = READ_SYSREG(cntvct_el0); READ_SYSREG(cntvct_el0) - begin < ticks;) continue;
}

static void virtual_timer_ticks(void) {
  for (unsigned n = 1; n <= 5; ++n) {
    uint64_t due = READ_SYSREG(cntvct_el0) + TICKS;
    WRITE_SYSREG(cntv_cval_el0, due);
    WRITE_SYSREG(cntv_ctl_el0, TIMER_ENABLE);
    sleep_until(&taken[0], n);
    check("the virtual timer is not early", taken_at >= due);
  }
}

static void physical_timer_ticks(void) {
  uint64_t due = READ_SYSREG(cntpct_el0) + TICKS;
  WRITE_SYSREG(cntp_tval_el0, TICKS);
  WRITE_SYSREG(cntp_ctl_el0, TIMER_ENABLE);
  sleep_until(&taken[1], 1);
  check("the physical timer is not early", taken_at >= due);
}

static void masked_three_ways(void) {
  unsigned before = taken[0];
  WRITE_SYSREG(cntv_tval_el0, 0);
  WRITE_SYSREG(cntv_ctl_el0, TIMER_ENABLE | TIMER_MASKED);
  spin(TICKS);
  check_equal("masked at the timer", taken[0], before);
  check("its condition is met", (READ_SYSREG(cntv_ctl_el0) & TIMER_MET) != 0);

  WRITE_SYSREG(icc_pmr_el1, 0x80);
  WRITE_SYSREG(cntv_ctl_el0, TIMER_ENABLE);
  spin(TICKS);
  check_equal("masked by priority", taken[0], before);
  check_equal("nothing to acknowledge", acknowledge_interrupt(), NO_INTERRUPT);
  check_equal("but it is pending", READ_SYSREG(icc_hppir1_el1), VIRTUAL_TIMER);

  mask_interrupts();
  WRITE_SYSREG(icc_pmr_el1, 0xf0);
  spin(TICKS);
  check_equal("masked by PSTATE", taken[0], before);
  check("it shows in ISR_EL1", (READ_SYSREG(isr_el1) & 1 << 7) != 0);
  unmask_interrupts();
  __asm__ volatile("isb" ::: "memory");
  spin(TICKS);
  check_equal("it is taken at last", taken[0], before + 1);
}

// The line is level-sensitive: pending while the timer says so. The hypervisor takes back what
// waits in its list registers when it is asked for something.
static void withdrawn(void) {
  unsigned before = taken[0];
  mask_interrupts();
  WRITE_SYSREG(cntv_tval_el0, 0);
  WRITE_SYSREG(cntv_ctl_el0, TIMER_ENABLE);
  spin(TICKS);
  WRITE_SYSREG(cntv_ctl_el0, 0);
  hvc(PSCI_VERSION, 0, 0, 0);
  check_equal("a withdrawn interrupt", acknowledge_interrupt(), NO_INTERRUPT);
  unmask_interrupts();
  spin(TICKS);
  check_equal("is not taken", taken[0], before);
}

// With EOImode 1 the end drops the priority only.
static void ended_in_two_steps(void) {
  mask_interrupts();
  WRITE_SYSREG(icc_ctlr_el1, READ_SYSREG(icc_ctlr_el1) | 2);
  send_interrupt(3, 0);
  check_equal("an interrupt to itself", acknowledge_interrupt(), 3);
  end_interrupt(3);
  check_equal("idle priority", READ_SYSREG(icc_rpr_el1), 0xff);
  send_interrupt(3, 0);
  check_equal("active and pending", acknowledge_interrupt(), NO_INTERRUPT);
  WRITE_SYSREG(icc_dir_el1, 3);
  check_equal("deactivated", acknowledge_interrupt(), 3);
  end_interrupt(3);
  WRITE_SYSREG(icc_dir_el1, 3);
  WRITE_SYSREG(icc_ctlr_el1, READ_SYSREG(icc_ctlr_el1) & ~2UL);
  unmask_interrupts();
}

int main(void) {
  enable_interrupt_interface();
  check_equal("ICC_SRE_EL1", READ_SYSREG(icc_sre_el1), 7);
  check_equal("nothing is pending", acknowledge_interrupt(), NO_INTERRUPT);
  unmask_interrupts();
  virtual_timer_ticks();
  physical_timer_ticks();
  masked_three_ways();
  withdrawn();
  ended_in_two_steps();
  print("timer: %u virtual and %u physical ticks\n", taken[0], taken[1]);
  return check_summary("timer");
}
