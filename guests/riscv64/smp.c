// Two vCPUs: the first starts the second by SBI HSM, both increment one counter by LR/SC and by
// AMO, the second stops itself, the first sees that, checks the total and starts it again.

#include "runtime/atomic.h"
#include "runtime/guest.h"
#include "runtime/mmu.h"

#define INCREMENTS 10000UL
#define SECOND_HART 1UL

static page_table root;
static _Alignas(4096) char second_stack[4096];

static _Alignas(4096) struct {
  uint64_t counter;
  uint64_t arrived;  // how many harts are ready to count
  uint64_t started_with;
  uint64_t hart;
} shared;

static void wait_for_arrivals(uint64_t count) {
  while (load_acquire(&shared.arrived) != count) wait_for_event();
}

static void count_together(void) {
  increment_by_exclusives(&shared.arrived);
  wait_for_arrivals(2);
  for (uint64_t n = 0; n < INCREMENTS; n += 2) {
    increment_by_exclusives(&shared.counter);
    increment_at_once(&shared.counter);
  }
}

static void second(uint64_t argument) {
  mmu_enable(root, 0);
  shared.started_with = argument;
  shared.hart = this_hart();
  count_together();
}

static void third(uint64_t argument) { store_release(&shared.started_with, argument); }

static int64_t start(void (*function)(uint64_t), uint64_t argument) {
  return start_cpu(SECOND_HART, second_stack, sizeof second_stack, function, argument);
}

static void await_stop(void) {
  while (sbi_hart_status(SECOND_HART) != HART_STOPPED) wait_for_event();
}

int main(void) {
  enter_flat_map(root);

  check_equal("status of this hart", (uint64_t)sbi_hart_status(0), HART_STARTED);
  check_equal("status before hart_start", (uint64_t)sbi_hart_status(SECOND_HART), HART_STOPPED);
  int64_t status = start(second, 0x5eed);
  if (status != SBI_SUCCESS) {
    print("smp: hart_start answered %ld; this guest needs two harts\n", status);
    return 1;
  }
  wait_for_arrivals(1);  // the second hart runs, and waits for this one
  check_equal("status of a hart that runs", (uint64_t)sbi_hart_status(SECOND_HART), HART_STARTED);
  check_equal("hart_start of a hart that runs", (uint64_t)start(second, 0),
              (uint64_t)SBI_ALREADY_AVAILABLE);
  count_together();
  await_stop();

  print("smp: 2 harts counted to %lu\n", shared.counter);
  check_equal("counter", shared.counter, 2 * INCREMENTS);
  check_equal("argument of the second hart", shared.started_with, 0x5eed);
  check_equal("its number", shared.hart, SECOND_HART);

  check_equal("hart_start of a hart that has stopped", (uint64_t)start(third, 0xfeed), SBI_SUCCESS);
  while (load_acquire(&shared.started_with) != 0xfeed) wait_for_event();
  await_stop();
  check_equal("hart_start of a hart that does not exist",
              (uint64_t)sbi_call(SBI_HSM, HART_START, 0xff, (uint64_t)second, 0, 0, 0).error,
              (uint64_t)SBI_INVALID_PARAM);
  check_equal("status of a hart that does not exist", (uint64_t)sbi_hart_status(0xff),
              (uint64_t)SBI_INVALID_PARAM);
  return check_summary("smp");
}
