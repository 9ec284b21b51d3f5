// Exercise 2 of docs/tour: needs a clock, a buffer and a log, and says what it has found.

#include "../runtime/guest.h"

#define CLOCK 0x09010000UL   // a PL031: its first register is the time in seconds since 1970
#define BUFFER 0x48000000UL  // 2 MiB
#define BUFFER_SIZE 0x200000UL
#define LOG 0x4a000000UL  // one page

int main(void) {
  print("clock: %u s since 1970\n", *(volatile uint32_t*)CLOCK);
  for (uint64_t at = BUFFER; at < BUFFER + BUFFER_SIZE; at += 4096) *(volatile uint64_t*)at = at;
  print("buffer: filled\n");
  *(volatile uint64_t*)LOG = *(volatile uint64_t*)LOG + 1;
  print("log: written\n");
  return 0;
}
