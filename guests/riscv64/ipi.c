// Four vCPUs pass a token round a ring by software interrupts and sleep in between, count under one
// spinlock, are fenced from afar, and each is woken by a timer of its own.

#include "runtime/atomic.h"
#include "runtime/interrupts.h"
#include "runtime/mmu.h"

#define CPUS 4UL
#define ROUNDS 25UL
#define COUNTS 500UL
#define TICKS 500UL
#define WINDOW 0xc0000000UL

static page_table root, directory, pages;
static page_table frames[2];
static _Alignas(4096) char stacks[CPUS][4096];

static _Alignas(4096) struct {
  uint32_t next_ticket;
  uint32_t now_serving;
  uint64_t counter;
  uint64_t started;
  uint64_t looked;
  uint64_t moved;
  uint64_t finished;
} shared;
static _Alignas(64) volatile uint64_t tokens[CPUS][8];  // received by each hart
static _Alignas(64) volatile uint64_t ticks[CPUS][8];
static uint64_t wrong[CPUS];

bool guest_interrupt(uint64_t code) {
  switch (code) {
    case TIMER_INTERRUPT:
      set_timer(NEVER);
      ++ticks[this_hart()][0];
      return true;
    case SOFTWARE_INTERRUPT:
      CLEAR_CSR(sip, INTERRUPT_BIT(SOFTWARE_INTERRUPT));
      ++tokens[this_hart()][0];
      return true;
    default: return false;
  }
}

static void add(uint64_t* to) {
  uint32_t ticket = fetch_increment_32(&shared.next_ticket);
  while (load_acquire_32(&shared.now_serving) != ticket) wait_for_event();
  ++*to;
  store_release_32(&shared.now_serving, shared.now_serving + 1);
}

static void await(const uint64_t* word, uint64_t value) {
  while (load_acquire(word) != value) wait_for_event();
}

static void sleep_until(volatile uint64_t* count, uint64_t target) {
  while (*count < target) {
    wait_for_interrupt();
    take_interrupts();
  }
}

static uint64_t look(void) { return *(volatile uint64_t*)WINDOW; }

// All have looked when hart 0 moves the page, and none is told but by the fence.
static void fenced(uint64_t cpu) {
  wrong[cpu] += look() != 1;
  add(&shared.looked);
  await(&shared.looked, CPUS);
  if (cpu == 0) {
    pages[0] = pte(frames[1], PTE_DATA);
    memory_barrier();
    check_equal("remote_sfence_vma",
                (uint64_t)sbi_call(SBI_RFENCE, REMOTE_SFENCE_VMA, (1UL << CPUS) - 1, 0, WINDOW,
                                   PAGE_SIZE, 0)
                    .error,
                SBI_SUCCESS);
    check_equal("remote_fence_i",
                (uint64_t)sbi_call(SBI_RFENCE, REMOTE_FENCE_I, 0, ~0UL, 0, 0, 0).error,
                SBI_SUCCESS);
    add(&shared.moved);
  }
  await(&shared.moved, 1);
  wrong[cpu] += look() != 2;
}

static void work(uint64_t cpu) {
  mask_interrupts();
  set_timer(NEVER);
  enable_interrupt(SOFTWARE_INTERRUPT);
  enable_interrupt(TIMER_INTERRUPT);
  add(&shared.started);
  await(&shared.started, CPUS);

  for (uint64_t n = 1; n <= ROUNDS; ++n) {
    if (cpu != 0 || n != 1) sleep_until(&tokens[cpu][0], cpu == 0 ? n - 1 : n);
    sbi_send_ipi(1UL << (cpu + 1) % CPUS);
  }
  if (cpu == 0) sleep_until(&tokens[0][0], ROUNDS);

  for (uint64_t n = 0; n < COUNTS; ++n) add(&shared.counter);
  fenced(cpu);

  for (uint64_t n = 1; n <= 3; ++n) {
    set_timer(read_time() + TICKS * (cpu + 1));
    sleep_until(&ticks[cpu][0], n);
  }
  add(&shared.finished);
}

static void secondary(uint64_t cpu) {
  mmu_enable(root, 0);
  check_equal("hart id", this_hart(), cpu);
  work(cpu);
}

int main(void) {
  root[3] = pte(directory, PTE_VALID);
  directory[0] = pte(pages, PTE_VALID);
  pages[0] = pte(frames[0], PTE_DATA);
  frames[0][0] = 1;
  frames[1][0] = 2;
  enter_flat_map(root);
  for (uint64_t cpu = 1; cpu < CPUS; ++cpu) {
    int64_t status = start_cpu(cpu, stacks[cpu], sizeof stacks[cpu], secondary, cpu);
    if (status != SBI_SUCCESS) {
      print("ipi: hart_start answered %ld; this guest needs four harts\n", status);
      return 1;
    }
  }
  work(0);
  await(&shared.finished, CPUS);
  for (uint64_t cpu = 0; cpu < CPUS; ++cpu) {
    check_equal("tokens", tokens[cpu][0], ROUNDS);
    check_equal("ticks", ticks[cpu][0], 3);
    check_equal("looks at a page that had moved", wrong[cpu], 0);
  }
  check_equal("counter", shared.counter, CPUS * COUNTS);
  check_equal("an IPI to harts beyond the last",
              (uint64_t)sbi_call(SBI_IPI, SEND_IPI, 1, 4096, 0, 0, 0).error,
              (uint64_t)SBI_INVALID_PARAM);
  print("ipi: 4 harts passed a token %lu times and counted to %lu\n", CPUS * ROUNDS,
        shared.counter);
  return check_summary("ipi");
}
