// Performance counters that firmware gives: the hart's own, and those of its calls.

#include "runtime/guest.h"
#include "runtime/interrupts.h"

#define CYCLES 1UL
#define INSTRUCTIONS 2UL
#define SET_TIMER_CALLS 0xf0005UL
#define FAR_AWAY (1UL << 60)
#define ALL_COUNTERS(count) ((1UL << (count)) - 1)

static struct sbi_result pmu(uint64_t function, uint64_t arg0, uint64_t arg1, uint64_t arg2,
                             uint64_t arg3) {
  return sbi_call(SBI_PMU, function, arg0, arg1, arg2, arg3, 0);
}

// The counter that counts `event` from 0 on.
static uint64_t start(uint64_t counters, uint64_t event) {
  struct sbi_result found =
      pmu(COUNTER_CONFIG_MATCHING, 0, counters, CONFIG_CLEAR_VALUE | CONFIG_AUTO_START, event);
  check_equal("counter_config_matching", (uint64_t)found.error, SBI_SUCCESS);
  return found.value;
}
static void stop(uint64_t counter) {
  check_equal("counter_stop", (uint64_t)pmu(COUNTER_STOP, counter, 1, 0, 0).error, SBI_SUCCESS);
}

// The hart's counters go on by themselves until they are asked for. How fast is the hart's affair.
static void hardware(uint64_t counters) {
  check("cycle goes on", READ_CSR(cycle) < READ_CSR(cycle));
  uint64_t harts_own = READ_CSR(instret);
  uint64_t counter = start(counters, INSTRUCTIONS);
  uint64_t info = pmu(COUNTER_GET_INFO, counter, 0, 0, 0).value;
  check_equal("the CSR of the counter", info & 0xfff, 0xc02);
  uint64_t first = READ_CSR(instret);
  for (volatile unsigned n = 0; n < 100;) n = n + 1;
  uint64_t second = READ_CSR(instret);
  check("a counter that was cleared begins anew", first < harts_own);
  check("it has seen the loop", second - first >= 300 && second > first);
  stop(counter);
  check_equal("a counter that is stopped", READ_CSR(instret), READ_CSR(instret));
  pmu(COUNTER_START, counter, 1, START_SET_INIT_VALUE, FAR_AWAY);
  check("a counter that is given a value", READ_CSR(instret) >= FAR_AWAY);
  pmu(COUNTER_STOP, counter, 1, STOP_RESET, 0);
  check("the hart's own again", READ_CSR(instret) < FAR_AWAY);
}

static void firmware(uint64_t counters) {
  uint64_t counter = start(counters, SET_TIMER_CALLS);
  for (unsigned n = 0; n < 3; ++n) sbi_set_timer(~0UL);
  stop(counter);
  sbi_set_timer(~0UL);
  check_equal("calls of set_timer", pmu(COUNTER_FW_READ, counter, 0, 0, 0).value, 3);
}

int main(void) {
  uint64_t count = pmu(NUM_COUNTERS, 0, 0, 0, 0).value;
  print("pmu: %lu counters\n", count);
  check("there are some", count >= 3 && count < 64);
  check_equal("one behind the last", (uint64_t)pmu(COUNTER_GET_INFO, count, 0, 0, 0).error,
              (uint64_t)SBI_INVALID_PARAM);
  hardware(ALL_COUNTERS(count));
  firmware(ALL_COUNTERS(count));
  return check_summary("pmu");
}
