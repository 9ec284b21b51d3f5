// Code that is written and run: with FENCE.I, and in one place without. There the old code or the
// new may run.

#include "runtime/guest.h"
#include "runtime/mmu.h"

static page_table root;

// Functions of two instructions, 64 bytes apart; in RAM that the image leaves.
struct line {
  uint32_t code[16];
};
#define functions ((struct line*)(RAM_BASE + 0x1000000UL))

typedef uint64_t function(void);

// addi a0, zero, value; ret. As two compressed instructions where the value allows.
static void write_function(unsigned n, uint32_t value) {
  volatile uint32_t* code = functions[n].code;
  if (value < 32) {
    code[0] = 0x80824501 | value << 2;  // c.li a0, value; c.jr ra
    return;
  }
  code[0] = 0x00000513 | value << 20;
  code[1] = 0x00008067;
}

static uint64_t call(unsigned n) { return ((function*)(uintptr_t)functions[n].code)(); }
static void publish_code(void) { __asm__ volatile("fence.i" ::: "memory"); }

static void one_by_one(void) {
  for (uint32_t value = 1; value <= 100; ++value) {
    unsigned n = value % 16;
    write_function(n, value);
    publish_code();
    check_equal("after FENCE.I", call(n), value);
  }
}

static void all_at_once(void) {
  for (uint32_t value = 1; value <= 10; ++value) {
    for (unsigned n = 16; n < 32; ++n) write_function(n, value * n);
    publish_code();
    for (unsigned n = 16; n < 32; ++n) check_equal("after one FENCE.I", call(n), value * n);
  }
}

static void without(void) {
  unsigned n = 40;
  write_function(n, 1);
  publish_code();
  check_equal("before the careless change", call(n), 1);
  write_function(n, 2);
  memory_barrier();
  uint64_t value = call(n);
  check("without FENCE.I: the old code or the new", value == 1 || value == 2);
  print("selfmod: changed without FENCE.I: 0x%lx\n", (uint64_t)functions[n].code);
}

int main(void) {
  enter_flat_map(root);
  one_by_one();
  all_at_once();
  without();
  return check_summary("selfmod");
}
