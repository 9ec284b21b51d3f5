// What CPUs agree by. Exclusives need Normal memory (DDI 0487, B2.17): the MMU is on.
#pragma once

#include <stdint.h>

static inline uint64_t load_acquire(const uint64_t* from) {
  uint64_t value;
  __asm__ volatile("ldar %0, [%1]" : "=r"(value) : "r"(from) : "memory");
  return value;
}
static inline uint32_t load_acquire_32(const uint32_t* from) {
  uint32_t value;
  __asm__ volatile("ldar %w0, [%1]" : "=r"(value) : "r"(from) : "memory");
  return value;
}
static inline void store_release(uint64_t* to, uint64_t value) {
  __asm__ volatile("stlr %0, [%1]" ::"r"(value), "r"(to) : "memory");
}
static inline void store_release_32(uint32_t* to, uint32_t value) {
  __asm__ volatile("stlr %w0, [%1]" ::"r"(value), "r"(to) : "memory");
}

// Adds 1; what was there before.
static inline uint32_t fetch_increment_32(uint32_t* at) {
  uint32_t value;
  uint32_t sum;
  uint32_t failed;
  __asm__ volatile(
      "1: ldaxr %w0, [%3]\n\t"
      "add %w1, %w0, #1\n\t"
      "stxr %w2, %w1, [%3]\n\t"
      "cbnz %w2, 1b"
      : "=&r"(value), "=&r"(sum), "=&r"(failed)
      : "r"(at)
      : "memory");
  return value;
}

// Until another CPU has said that something has changed, or no reason at all.
static inline void wait_for_event(void) { __asm__ volatile("wfe" ::: "memory"); }
static inline void send_event(void) { __asm__ volatile("dsb ish\n\tsev" ::: "memory"); }
