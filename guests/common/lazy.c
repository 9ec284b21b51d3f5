// Touches 1000 pages of RAM, far apart and in a scattered order: each first touch finds no stage-2
// mapping. What was written is read back in another order.

#include "runtime/guest.h"

#define PAGES 1000UL
#define FIRST (RAM_BASE + 0x1000000UL)
#define DISTANCE 0x8000UL  // bytes from page to page: 32 MiB in all

// Steps coprime to PAGES visit every page once.
static uint64_t page(uint64_t n, uint64_t step) { return FIRST + n * step % PAGES * DISTANCE; }

static volatile uint64_t* word_of(uint64_t page) {
  return (volatile uint64_t*)(page + (page >> 12) * 40 % 4096);
}

static uint64_t pattern(uint64_t page) { return page * 0x9e3779b97f4a7c15; }

int main(void) {
  print("lazy: %lu pages from 0x%lx, every 0x%lx bytes\n", PAGES, FIRST, DISTANCE);
  // Half of the pages are first read, half first written.
  for (uint64_t n = 0; n < PAGES; ++n) {
    uint64_t at = page(n, 617);
    if (n % 2 == 0) check_equal("fresh memory", *word_of(at), 0);
    *word_of(at) = pattern(at);
  }
  uint64_t wrong = 0;
  for (uint64_t n = 0; n < PAGES; ++n) {
    uint64_t at = page(n, 389);
    if (*word_of(at) != pattern(at)) ++wrong;
  }
  check_equal("pages that lost what was written", wrong, 0);
  return check_summary("lazy");
}
