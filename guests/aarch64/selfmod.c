// Code that is written and run: with the cache maintenance that the architecture asks for, and in
// one place without. There the old code or the new may run; the machine reports the place.

#include "runtime/cache.h"
#include "runtime/guest.h"
#include "runtime/mmu.h"

static page_table root;

// Functions of two instructions, each on a cache line of its own; in RAM that the image leaves.
struct line {
  uint32_t code[CACHE_LINE / sizeof(uint32_t)];
};
#define functions ((struct line*)0x41000000UL)

typedef uint64_t function(void);

// mov x0, #value; ret
static void write_function(unsigned n, uint16_t value) {
  volatile uint32_t* code = functions[n].code;
  code[0] = 0xd2800000 | (uint32_t)value << 5;
  code[1] = 0xd65f03c0;
}

static uint64_t call(unsigned n) { return ((function*)(uintptr_t)functions[n].code)(); }

static void by_address(void) {
  for (uint16_t value = 1; value <= 100; ++value) {
    unsigned n = value % 16;
    write_function(n, value);
    publish_code(functions[n].code, 8);
    check_equal("after DC CVAU and IC IVAU", call(n), value);
  }
}

static void all_at_once(void) {
  for (uint16_t value = 1; value <= 10; ++value) {
    for (unsigned n = 16; n < 32; ++n) write_function(n, (uint16_t)(value * n));
    for (unsigned n = 16; n < 32; ++n) {
      __asm__ volatile("dc cvau, %0" ::"r"(functions[n].code) : "memory");
    }
    __asm__ volatile("dsb ish\n\tic ialluis\n\tdsb ish\n\tisb" ::: "memory");
    for (unsigned n = 16; n < 32; ++n) {
      check_equal("after IC IALLUIS", call(n), (uint64_t)value * n);
    }
  }
}

static void without(void) {
  unsigned n = 40;
  write_function(n, 1);
  publish_code(functions[n].code, 8);
  check_equal("before the careless change", call(n), 1);
  write_function(n, 2);
  __asm__ volatile("dsb ish\n\tisb" ::: "memory");
  uint64_t value = call(n);
  check("without maintenance: the old code or the new", value == 1 || value == 2);
  print("selfmod: changed without maintenance: 0x%lx\n", (uint64_t)functions[n].code);
}

int main(void) {
  enter_flat_map(root);
  by_address();
  all_at_once();
  without();
  return check_summary("selfmod");
}
