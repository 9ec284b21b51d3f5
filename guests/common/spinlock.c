// Four vCPUs: a ticket lock around a counter that is not atomic by itself, and messages handed on
// by store-release and load-acquire. Whoever waits lets others get on.

#include "runtime/atomic.h"
#include "runtime/guest.h"
#include "runtime/mmu.h"

#define CPUS 4UL
#define TURNS 500UL
#define MESSAGES 200UL

static page_table root;
static _Alignas(4096) char stacks[CPUS][4096];

static _Alignas(4096) struct {
  uint32_t next_ticket;
  _Alignas(64) uint32_t now_serving;
  _Alignas(64) volatile uint64_t counter;  // under the lock
  volatile uint64_t inside;                // under the lock: how many are
  volatile uint64_t collisions;
  _Alignas(64) uint64_t done;  // CPUs that have finished
  struct {
    _Alignas(64) uint64_t sequence;  // of the last message
    uint64_t payload[4];
  } mailbox[CPUS];
} shared;

static void lock(void) {
  uint32_t ticket = fetch_increment_32(&shared.next_ticket);
  while (load_acquire_32(&shared.now_serving) != ticket) wait_for_event();
}

static void unlock(void) {
  store_release_32(&shared.now_serving, shared.now_serving + 1);
  send_event();
}

static void count(void) {
  for (uint64_t n = 0; n < TURNS; ++n) {
    lock();
    if (shared.inside != 0) shared.collisions = shared.collisions + 1;
    shared.inside = shared.inside + 1;
    shared.counter = shared.counter + 1;
    shared.inside = shared.inside - 1;
    unlock();
  }
}

// CPU 0 begins; each hands on what it got, one added to each word. Once round is one message.
static uint64_t hand_on(uint64_t cpu) {
  uint64_t wrong = 0;
  uint64_t next = (cpu + 1) % CPUS;
  for (uint64_t n = 1; n <= MESSAGES; ++n) {
    if (cpu != 0) {
      while (load_acquire(&shared.mailbox[cpu].sequence) != n) wait_for_event();
    }
    for (unsigned w = 0; w < 4; ++w) {
      uint64_t value = cpu == 0 ? n * 1000 : shared.mailbox[cpu].payload[w];
      if (value != n * 1000 + cpu) ++wrong;
      shared.mailbox[next].payload[w] = value + 1;
    }
    store_release(&shared.mailbox[next].sequence, n);
    send_event();
    if (cpu == 0) {
      while (load_acquire(&shared.mailbox[0].sequence) != n) wait_for_event();
      for (unsigned w = 0; w < 4; ++w) {
        if (shared.mailbox[0].payload[w] != n * 1000 + CPUS) ++wrong;
      }
    }
  }
  return wrong;
}

static uint64_t wrong_messages[CPUS];

static void finish(void) {
  lock();
  store_release(&shared.done, shared.done + 1);
  unlock();
}

static void work(uint64_t cpu) {
  mmu_enable(root, 0);
  count();
  wrong_messages[cpu] = hand_on(cpu);
  finish();
}

int main(void) {
  enter_flat_map(root);
  for (uint64_t cpu = 1; cpu < CPUS; ++cpu) {
    int64_t status = start_cpu(cpu, stacks[cpu], sizeof stacks[cpu], work, cpu);
    if (status != 0) {
      print("spinlock: CPU %lu does not start (%ld); this guest needs four CPUs\n", cpu, status);
      return 1;
    }
  }
  count();
  wrong_messages[0] = hand_on(0);
  finish();
  while (load_acquire(&shared.done) != CPUS) wait_for_event();

  print("spinlock: %lu CPUs counted to %lu, %lu messages went round\n", CPUS, shared.counter,
        MESSAGES);
  check_equal("counter", shared.counter, CPUS * TURNS);
  check_equal("CPUs inside the lock at a time, too many", shared.collisions, 0);
  for (unsigned cpu = 0; cpu < CPUS; ++cpu) {
    check_equal("words that came before their message", wrong_messages[cpu], 0);
  }
  return check_summary("spinlock");
}
