// Four vCPUs pass a token round a ring by software-generated interrupts and sleep in between, count
// under one spinlock, and each is woken by a timer of its own.

#include "runtime/interrupts.h"
#include "runtime/mmu.h"

#define CPUS 4UL
#define ROUNDS 25UL
#define COUNTS 500UL
#define TICKS 500UL

static page_table root;
static _Alignas(4096) char stacks[CPUS][4096];

static _Alignas(4096) struct {
  uint64_t lock;
  uint64_t counter;
  uint64_t started;
  uint64_t finished;
} shared;
static _Alignas(64) volatile uint64_t tokens[CPUS][8];  // received by each CPU
static _Alignas(64) volatile uint64_t ticks[CPUS][8];

static uint64_t this_cpu(void) { return READ_SYSREG(mpidr_el1) & 0xff; }

bool guest_interrupt(void) {
  uint32_t intid = acknowledge_interrupt();
  if (intid == NO_INTERRUPT) return true;
  if (intid == VIRTUAL_TIMER) {
    WRITE_SYSREG(cntv_ctl_el0, 0);
    ++ticks[this_cpu()][0];
  } else if (intid == 1) {
    ++tokens[this_cpu()][0];
  } else {
    return false;
  }
  end_interrupt(intid);
  return true;
}

static uint64_t load_acquire(const uint64_t* from) {
  uint64_t value;
  __asm__ volatile("ldar %0, [%1]" : "=r"(value) : "r"(from) : "memory");
  return value;
}

static void lock(uint64_t* at) {
  uint64_t value;
  uint32_t failed;
  __asm__ volatile(
      "1: ldaxr %0, [%2]\n\t"
      "cbz %0, 2f\n\t"
      "wfe\n\t"
      "b 1b\n"
      "2: stxr %w1, %3, [%2]\n\t"
      "cbnz %w1, 1b"
      : "=&r"(value), "=&r"(failed)
      : "r"(at), "r"(1UL)
      : "memory");
}
static void unlock(uint64_t* at) {
  __asm__ volatile("stlr xzr, [%0]\n\tdsb ish\n\tsev" ::"r"(at) : "memory");
}

static void add(uint64_t* to) {
  lock(&shared.lock);
  ++*to;
  unlock(&shared.lock);
}

static void sleep_until(volatile uint64_t* count, uint64_t target) {
  while (*count < target) {
    wait_for_interrupt();
    take_interrupts();
  }
}

static void work(uint64_t cpu) {
  mask_interrupts();
  enable_interrupt_interface();
  add(&shared.started);
  while (load_acquire(&shared.started) != CPUS) __asm__ volatile("wfe" ::: "memory");

  for (uint64_t n = 1; n <= ROUNDS; ++n) {
    if (cpu != 0 || n != 1) sleep_until(&tokens[cpu][0], cpu == 0 ? n - 1 : n);
    send_interrupt(1, (cpu + 1) % CPUS);
  }
  if (cpu == 0) sleep_until(&tokens[0][0], ROUNDS);

  for (uint64_t n = 0; n < COUNTS; ++n) add(&shared.counter);

  for (uint64_t n = 1; n <= 3; ++n) {
    WRITE_SYSREG(cntv_tval_el0, TICKS * (cpu + 1));
    WRITE_SYSREG(cntv_ctl_el0, TIMER_ENABLE);
    sleep_until(&ticks[cpu][0], n);
  }
  add(&shared.finished);
}

static void secondary(uint64_t cpu) {
  mmu_enable(root, 0);
  check_equal("MPIDR_EL1", this_cpu(), cpu);
  work(cpu);
}

int main(void) {
  enter_flat_map(root);
  for (uint64_t cpu = 1; cpu < CPUS; ++cpu) {
    int64_t status = start_cpu(cpu, stacks[cpu], sizeof stacks[cpu], secondary, cpu);
    if (status != PSCI_SUCCESS) {
      print("ipi: CPU_ON answered %ld; this guest needs four CPUs\n", status);
      return 1;
    }
  }
  work(0);
  while (load_acquire(&shared.finished) != CPUS) __asm__ volatile("wfe" ::: "memory");
  for (uint64_t cpu = 0; cpu < CPUS; ++cpu) {
    check_equal("tokens", tokens[cpu][0], ROUNDS);
    check_equal("ticks", ticks[cpu][0], 3);
  }
  check_equal("counter", shared.counter, CPUS * COUNTS);
  print("ipi: 4 CPUs passed a token %lu times and counted to %lu\n", CPUS * ROUNDS, shared.counter);
  return check_summary("ipi");
}
