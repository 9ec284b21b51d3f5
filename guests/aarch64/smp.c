// Two vCPUs: the first starts the second by PSCI, both increment one counter under LDXR and STXR,
// the second switches itself off, the first sees that and checks the total.

#include "runtime/guest.h"
#include "runtime/mmu.h"

#define INCREMENTS 10000UL
#define SECOND_CPU 1UL

static page_table root;
static _Alignas(4096) char second_stack[4096];

static _Alignas(4096) struct {
  uint64_t counter;
  uint64_t arrived;  // how many CPUs are ready to count
  uint64_t started_with;
} shared;

static uint64_t load_acquire(const uint64_t* from) {
  uint64_t value;
  __asm__ volatile("ldar %0, [%1]" : "=r"(value) : "r"(from) : "memory");
  return value;
}

// Exclusives need Normal memory (DDI 0487, B2.17): the MMU is on here.
static void increment(uint64_t* at) {
  uint64_t value;
  uint32_t failed;
  __asm__ volatile(
      "1: ldxr %0, [%2]\n\t"
      "add %0, %0, #1\n\t"
      "stlxr %w1, %0, [%2]\n\t"
      "cbnz %w1, 1b"
      : "=&r"(value), "=&r"(failed)
      : "r"(at)
      : "memory");
}

static void wait_for_arrivals(uint64_t count) {
  while (load_acquire(&shared.arrived) != count) __asm__ volatile("wfe" ::: "memory");
}

static void count_together(void) {
  increment(&shared.arrived);
  __asm__ volatile("dsb ish\n\tsev" ::: "memory");
  wait_for_arrivals(2);
  for (uint64_t n = 0; n < INCREMENTS; ++n) increment(&shared.counter);
}

static void second(uint64_t argument) {
  mmu_enable(root, 0);
  shared.started_with = argument;
  count_together();
}

int main(void) {
  enter_flat_map(root);

  check_equal("AFFINITY_INFO before CPU_ON", (uint64_t)psci_affinity_info(SECOND_CPU),
              AFFINITY_OFF);
  int64_t status = start_cpu(SECOND_CPU, second_stack, sizeof second_stack, second, 0x5eed);
  if (status != PSCI_SUCCESS) {
    print("smp: CPU_ON answered %ld; this guest needs two CPUs\n", status);
    return 1;
  }
  wait_for_arrivals(1);  // the second CPU runs, and waits for this one
  check_equal("CPU_ON of a CPU that is on", hvc(PSCI_CPU_ON_64, SECOND_CPU, (uint64_t)second, 0),
              (uint64_t)PSCI_ALREADY_ON);
  count_together();
  while (psci_affinity_info(SECOND_CPU) != AFFINITY_OFF) __asm__ volatile("yield");

  print("smp: 2 CPUs counted to %lu\n", shared.counter);
  check_equal("counter", shared.counter, 2 * INCREMENTS);
  check_equal("argument of the second CPU", shared.started_with, 0x5eed);
  check_equal("CPU_ON of a CPU that does not exist", hvc(PSCI_CPU_ON_64, 0xff, (uint64_t)second, 0),
              (uint64_t)PSCI_INVALID_PARAMETERS);
  return check_summary("smp");
}
