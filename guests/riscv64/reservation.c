// A reservation ends when another hart stores there, also when it stores what was there before; by
// whichever physical harts they run. One that nobody disturbs may well succeed.

#include "runtime/atomic.h"
#include "runtime/guest.h"
#include "runtime/mmu.h"

#define ROUNDS 8UL
#define TRIES 100
#define SECOND_HART 1UL
#define BEFORE 0x1234UL

static page_table root;
static _Alignas(4096) char second_stack[4096];

static _Alignas(4096) uint64_t word = BEFORE;
static _Alignas(64) uint64_t turn;  // even: the first hart's, odd: the second one's

// The second hart, in its turns: stores something else, and what was there again.
static void second(uint64_t argument) {
  (void)argument;
  mmu_enable(root, 0);
  for (uint64_t round = 0; round < ROUNDS; ++round) {
    while (load_acquire(&turn) != 2 * round + 1) wait_for_event();
    store_release(&word, ~BEFORE);
    store_release(&word, BEFORE);
    store_release(&turn, 2 * round + 2);
  }
}

// LR, the other hart's turn, SC. Whether the SC has failed.
static uint64_t disturbed(uint64_t round) {
  uint64_t failed;
  uint64_t scratch;
  __asm__ volatile(
      "lr.d.aqrl %0, (%2)\n\t"
      "fence rw, w\n\t"
      "sd %4, 0(%3)\n\t"
      "1: .word 0x0100000f\n\t"  // PAUSE
      "ld %1, 0(%3)\n\t"
      "fence r, rw\n\t"
      "bne %1, %5, 1b\n\t"
      "sc.d.aqrl %0, zero, (%2)"
      : "=&r"(failed), "=&r"(scratch)
      : "r"(&word), "r"(&turn), "r"(2 * round + 1), "r"(2 * round + 2)
      : "memory");
  return failed;
}

// One of a few tries succeeds.
static bool undisturbed(uint64_t value) {
  for (unsigned n = 0; n < TRIES; ++n) {
    uint64_t failed;
    __asm__ volatile("lr.d %0, (%1)\n\tsc.d %0, %2, (%1)"
                     : "=&r"(failed)
                     : "r"(&word), "r"(value)
                     : "memory");
    if (failed == 0) return true;
  }
  return false;
}

int main(void) {
  enter_flat_map(root);
  int64_t status = start_cpu(SECOND_HART, second_stack, sizeof second_stack, second, 0);
  if (status != SBI_SUCCESS) {
    print("reservation: hart_start answered %ld; this guest needs two harts\n", status);
    return 1;
  }
  uint64_t failed = 0;
  for (uint64_t round = 0; round < ROUNDS; ++round) failed += disturbed(round) != 0 ? 1 : 0;
  check_equal("SC after another hart's stores that failed", failed, ROUNDS);
  check_equal("what was there before, and is", load_acquire(&word), BEFORE);
  check("SC that nobody disturbs", undisturbed(7));
  check_equal("what it stored", load_acquire(&word), 7);
  return check_summary("reservation");
}
