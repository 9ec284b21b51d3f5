// The interrupt controller of the `virt` memory map: a PLIC (RISC-V Platform-Level Interrupt
// Controller Specification 1.0.0), seen from S-mode of a hart.
#pragma once

#include <stdint.h>

#define PLIC_BASE 0x0c000000UL
#define PLIC_PRIORITY 0x0UL      // 4 bytes per source
#define PLIC_PENDING 0x1000UL    // a bit per source
#define PLIC_ENABLE 0x2000UL     // 0x80 bytes per context
#define PLIC_CONTEXT 0x200000UL  // 0x1000 bytes per context: threshold, claim/complete

enum { PLIC_UART = 10 };  // the console's source

static inline volatile uint32_t* plic_register(uint64_t offset) {
  return (volatile uint32_t*)(PLIC_BASE + offset);
}
// Contexts are M-mode and S-mode of each hart, in turn.
static inline uint64_t plic_context(uint64_t hart) { return 2 * hart + 1; }

static inline volatile uint32_t* plic_priority(uint32_t source) {
  return plic_register(PLIC_PRIORITY + 4 * source);
}
static inline uint32_t plic_is_pending(uint32_t source) {
  return *plic_register(PLIC_PENDING + source / 32 * 4) >> source % 32 & 1;
}
static inline volatile uint32_t* plic_enable(uint64_t hart, uint32_t source) {
  return plic_register(PLIC_ENABLE + 0x80 * plic_context(hart) + source / 32 * 4);
}
static inline volatile uint32_t* plic_threshold(uint64_t hart) {
  return plic_register(PLIC_CONTEXT + 0x1000 * plic_context(hart));
}
// Reading claims, writing completes.
static inline volatile uint32_t* plic_claim(uint64_t hart) {
  return plic_register(PLIC_CONTEXT + 0x1000 * plic_context(hart) + 4);
}

// Lets `source` interrupt S-mode of `hart`.
static inline void plic_route(uint32_t source, uint64_t hart) {
  *plic_priority(source) = 1;
  *plic_enable(hart, source) |= 1U << source % 32;
  *plic_threshold(hart) = 0;
}
