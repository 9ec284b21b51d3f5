// The CPU interface of the interrupt controller by system registers (GICv3, IHI 0069), and the
// timers that interrupt (DDI 0487, D11).
#pragma once

#include <stdint.h>

#include "guest.h"

enum { VIRTUAL_TIMER = 27, PHYSICAL_TIMER = 30, NO_INTERRUPT = 1023 };
enum { TIMER_ENABLE = 1, TIMER_MASKED = 2, TIMER_MET = 4 };

// Lets every interrupt of group 1 through to this CPU; PSTATE.I still masks them.
static inline void enable_interrupt_interface(void) {
  WRITE_SYSREG(icc_sre_el1, READ_SYSREG(icc_sre_el1) | 1);
  WRITE_SYSREG(icc_pmr_el1, 0xf0);
  WRITE_SYSREG(icc_igrpen1_el1, 1);
  __asm__ volatile("isb" ::: "memory");
}
static inline uint32_t acknowledge_interrupt(void) {
  uint32_t intid = (uint32_t)READ_SYSREG(icc_iar1_el1);
  __asm__ volatile("dsb sy" ::: "memory");
  return intid;
}
static inline void end_interrupt(uint32_t intid) {
  WRITE_SYSREG(icc_eoir1_el1, intid);
  __asm__ volatile("isb" ::: "memory");
}
// To the CPU with affinity 0.0.0.cpu, cpu < 16.
static inline void send_interrupt(uint32_t intid, uint64_t cpu) {
  __asm__ volatile("dsb ish" ::: "memory");
  WRITE_SYSREG(icc_sgi1r_el1, (uint64_t)intid << 24 | 1UL << cpu);
  __asm__ volatile("isb" ::: "memory");
}
static inline void unmask_interrupts(void) { __asm__ volatile("msr daifclr, #2" ::: "memory"); }
static inline void mask_interrupts(void) { __asm__ volatile("msr daifset, #2" ::: "memory"); }
// Lets what is pending come.
static inline void take_interrupts(void) {
  __asm__ volatile("msr daifclr, #2\n\tisb\n\tmsr daifset, #2" ::: "memory");
}
static inline void wait_for_interrupt(void) { __asm__ volatile("dsb sy\n\twfi" ::: "memory"); }
