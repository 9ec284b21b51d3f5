// Interrupts of S-mode, and the timer (Privileged ISA; Sstc).
#pragma once

#include <stdint.h>

#include "guest.h"

enum { SOFTWARE_INTERRUPT = 1, TIMER_INTERRUPT = 5, EXTERNAL_INTERRUPT = 9 };

#define INTERRUPT_BIT(code) (1UL << (code))

static inline void enable_interrupt(unsigned code) { SET_CSR(sie, INTERRUPT_BIT(code)); }
static inline void disable_interrupt(unsigned code) { CLEAR_CSR(sie, INTERRUPT_BIT(code)); }
static inline void unmask_interrupts(void) { SET_CSR(sstatus, SSTATUS_SIE); }
static inline void mask_interrupts(void) { CLEAR_CSR(sstatus, SSTATUS_SIE); }
// Lets what is pending come.
static inline void take_interrupts(void) {
  unmask_interrupts();
  mask_interrupts();
}
static inline void wait_for_interrupt(void) { __asm__ volatile("wfi" ::: "memory"); }

static inline uint64_t read_time(void) { return READ_CSR(time); }
// Sstc: the timer's interrupt is pending while the time is not below this.
static inline void set_timer(uint64_t due) { WRITE_CSR(0x14d, due); }
#define NEVER (~0UL)
