// What harts agree by: LR/SC, AMO, and ordinary accesses with fences (Unprivileged ISA, "A"
// extension and the mapping of acquire and release in appendix A).
#pragma once

#include <stdint.h>

static inline uint64_t load_acquire(const uint64_t* from) {
  uint64_t value;
  __asm__ volatile("ld %0, 0(%1)\n\tfence r, rw" : "=r"(value) : "r"(from) : "memory");
  return value;
}
static inline uint32_t load_acquire_32(const uint32_t* from) {
  uint32_t value;
  __asm__ volatile("lw %0, 0(%1)\n\tfence r, rw" : "=r"(value) : "r"(from) : "memory");
  return value;
}
static inline void store_release(uint64_t* to, uint64_t value) {
  __asm__ volatile("fence rw, w\n\tsd %0, 0(%1)" ::"r"(value), "r"(to) : "memory");
}
static inline void store_release_32(uint32_t* to, uint32_t value) {
  __asm__ volatile("fence rw, w\n\tsw %0, 0(%1)" ::"r"(value), "r"(to) : "memory");
}

// Adds 1; what was there before.
static inline uint32_t fetch_increment_32(uint32_t* at) {
  uint32_t value;
  uint32_t sum;
  uint32_t failed;
  __asm__ volatile(
      "1: lr.w.aq %0, (%3)\n\t"
      "addiw %1, %0, 1\n\t"
      "sc.w.rl %2, %1, (%3)\n\t"
      "bnez %2, 1b"
      : "=&r"(value), "=&r"(sum), "=&r"(failed)
      : "r"(at)
      : "memory");
  return value;
}
// The same by LR/SC and by one AMO, for 64 bits.
static inline void increment_by_exclusives(uint64_t* at) {
  uint64_t value;
  uint64_t failed;
  __asm__ volatile(
      "1: lr.d.aq %0, (%2)\n\t"
      "addi %0, %0, 1\n\t"
      "sc.d.rl %1, %0, (%2)\n\t"
      "bnez %1, 1b"
      : "=&r"(value), "=&r"(failed)
      : "r"(at)
      : "memory");
}
static inline void increment_at_once(uint64_t* at) {
  __asm__ volatile("amoadd.d.aqrl zero, %0, (%1)" ::"r"(1UL), "r"(at) : "memory");
}

// PAUSE: a moment, while another hart gets on. Nobody needs to be told of changes.
static inline void wait_for_event(void) { __asm__ volatile(".word 0x0100000f" ::: "memory"); }
static inline void send_event(void) {}
