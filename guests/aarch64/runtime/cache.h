// Code that is written needs cache maintenance before it runs (DDI 0487, B2.7.4.2).
#pragma once

#include <stddef.h>
#include <stdint.h>

#define CACHE_LINE 64UL

// Makes instructions written at [code, code + size) visible to fetches of every CPU, this one
// included.
static inline void publish_code(const void* code, size_t size) {
  uintptr_t first = (uintptr_t)code & ~(CACHE_LINE - 1);
  uintptr_t end = (uintptr_t)code + size;
  for (uintptr_t line = first; line < end; line += CACHE_LINE) {
    __asm__ volatile("dc cvau, %0" ::"r"(line) : "memory");
  }
  __asm__ volatile("dsb ish" ::: "memory");
  for (uintptr_t line = first; line < end; line += CACHE_LINE) {
    __asm__ volatile("ic ivau, %0" ::"r"(line) : "memory");
  }
  __asm__ volatile("dsb ish\n\tisb" ::: "memory");
}
