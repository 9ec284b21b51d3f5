// The interrupt controllers of the `virt` memory map by the Advanced Interrupt Architecture (RISC-V
// AIA 1.0), seen from S-mode: an APLIC, an interrupt file per hart, and its CSRs.
#pragma once

#include <stdint.h>

#include "guest.h"

#define APLIC_BASE 0x0d000000UL
#define APLIC_DOMAINCFG 0x0000UL
#define APLIC_SOURCECFG 0x0000UL  // 4 bytes per source
#define APLIC_SETIP 0x1c00UL      // a bit per source, as the next two
#define APLIC_IN_CLRIP 0x1d00UL
#define APLIC_SETIE 0x1e00UL
#define APLIC_CLRIPNUM 0x1ddcUL
#define APLIC_SETIENUM 0x1edcUL
#define APLIC_CLRIENUM 0x1fdcUL
#define APLIC_SETIPNUM_LE 0x2000UL
#define APLIC_GENMSI 0x3000UL
#define APLIC_TARGET 0x3000UL  // 4 bytes per source

enum { APLIC_IE = 1 << 8, APLIC_DM = 1 << 2 };
enum { SOURCE_INACTIVE = 0, SOURCE_DETACHED = 1, SOURCE_EDGE1 = 4, SOURCE_LEVEL1 = 6 };
enum { APLIC_UART = 10 };  // the console's source

#define IMSIC_BASE 0x28000000UL  // a page per hart
#define SSWI_BASE 0x02f00000UL   // 4 bytes per hart

// What siselect names.
enum { EIDELIVERY = 0x70, EITHRESHOLD = 0x72, EIP0 = 0x80, EIE0 = 0xc0 };

static inline volatile uint32_t* aplic_register(uint64_t offset) {
  return (volatile uint32_t*)(APLIC_BASE + offset);
}
static inline volatile uint32_t* aplic_sourcecfg(uint32_t source) {
  return aplic_register(APLIC_SOURCECFG + 4 * source);
}
static inline volatile uint32_t* aplic_target(uint32_t source) {
  return aplic_register(APLIC_TARGET + 4 * source);
}
static inline uint32_t message_to(uint64_t hart, uint32_t identity) {
  return (uint32_t)hart << 18 | identity;
}

static inline void send_message(uint64_t hart, uint32_t identity) {
  *(volatile uint32_t*)(IMSIC_BASE + 0x1000 * hart) = identity;
}
static inline void send_software_interrupt(uint64_t hart) {
  *(volatile uint32_t*)(SSWI_BASE + 4 * hart) = 1;
}

// siselect and sireg. What traps is the same instruction whatever compiles this: in a0.
static inline uint64_t read_file(uint64_t number) {
  WRITE_CSR(0x150, number);
  register uint64_t value __asm__("a0");
  __asm__ volatile("csrr %0, 0x151" : "=r"(value));
  return value;
}
static inline void write_file(uint64_t number, uint64_t to) {
  WRITE_CSR(0x150, number);
  register uint64_t value __asm__("a0") = to;
  __asm__ volatile("csrw 0x151, %0" ::"r"(value) : "memory");
}
static inline void set_in_file(uint64_t number, uint64_t bits) {
  WRITE_CSR(0x150, number);
  register uint64_t value __asm__("a0") = bits;
  __asm__ volatile("csrs 0x151, %0" ::"r"(value) : "memory");
}
// stopei: the identity that is claimed; 0: there was none.
static inline uint64_t claim_message(void) {
  register uint64_t top __asm__("a0");
  __asm__ volatile("csrrw %0, 0x15c, zero" : "=r"(top)::"memory");
  return top >> 16;
}
static inline uint64_t top_message(void) {
  register uint64_t top __asm__("a0");
  __asm__ volatile("csrr %0, 0x15c" : "=r"(top));
  return top >> 16;
}
// stopi: the interrupt that is taken first; 0: none is pending.
static inline uint64_t top_interrupt(void) { return READ_CSR(0xdb0) >> 16; }
