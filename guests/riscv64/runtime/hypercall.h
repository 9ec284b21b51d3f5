// Calls to the VMM itself, by ECALL like those of the SBI: result in a0 alone.
#pragma once

#include <stdint.h>

#define HYPERCALL 0x485643UL  // "HVC"

static inline uint64_t hypercall(uint64_t number, uint64_t arg0, uint64_t arg1, uint64_t arg2,
                                 uint64_t arg3) {
  register uint64_t a0 __asm__("a0") = arg0;
  register uint64_t a1 __asm__("a1") = arg1;
  register uint64_t a2 __asm__("a2") = arg2;
  register uint64_t a3 __asm__("a3") = arg3;
  register uint64_t a6 __asm__("a6") = number;
  register uint64_t a7 __asm__("a7") = HYPERCALL;
  __asm__ volatile("ecall" : "+r"(a0), "+r"(a1) : "r"(a2), "r"(a3), "r"(a6), "r"(a7) : "memory");
  return a0;
}
