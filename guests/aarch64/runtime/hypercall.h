// Calls to the VMM itself, by HVC: number in x0, arguments behind it, result in x0.
#pragma once

#include <stdint.h>

static inline uint64_t hypercall(uint64_t number, uint64_t a1, uint64_t a2, uint64_t a3,
                                 uint64_t a4) {
  register uint64_t x0 __asm__("x0") = number;
  register uint64_t x1 __asm__("x1") = a1;
  register uint64_t x2 __asm__("x2") = a2;
  register uint64_t x3 __asm__("x3") = a3;
  register uint64_t x4 __asm__("x4") = a4;
  __asm__ volatile("hvc #0" : "+r"(x0) : "r"(x1), "r"(x2), "r"(x3), "r"(x4) : "memory");
  return x0;
}
