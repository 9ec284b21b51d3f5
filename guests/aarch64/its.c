// Two vCPUs and an interrupt translation service: events of a device become interrupts of one CPU
// or the other, are masked, moved, taken back and forgotten.

#include "its.h"
#include "runtime/interrupts.h"
#include "runtime/mmu.h"

#define CPUS 2
#define EVENTS 8
#define DEVICE 5
#define SYNCS 120  // with the other commands, more than the queue has places

static page_table root;
static _Alignas(4096) char stack[4096];
static volatile uint64_t counts[CPUS][EVENTS];
static volatile uint64_t unexpected;
static volatile uint64_t ready;
static volatile uint64_t finished;

static uint64_t this_cpu(void) { return READ_SYSREG(mpidr_el1) & 0xff; }

bool guest_interrupt(void) {
  uint32_t intid = acknowledge_interrupt();
  if (intid == NO_INTERRUPT) return true;
  if (intid >= FIRST_LPI && intid < FIRST_LPI + EVENTS) {
    ++counts[this_cpu()][intid - FIRST_LPI];
  } else {
    ++unexpected;
  }
  end_interrupt(intid);
  return true;
}

static void check_count(const char* what, uint64_t cpu, uint64_t event, uint64_t expected) {
  take_interrupts();
  // The other CPU takes its own when it gets to it.
  for (int i = 0; cpu != 0 && i < 100000000 && counts[cpu][event] < expected; ++i) {
  }
  check_equal(what, counts[cpu][event], expected);
}

static void other_cpu(uint64_t cpu) {
  (void)cpu;
  mmu_enable(root, 0);
  mask_interrupts();
  enable_interrupt_interface();
  ready = 1;
  while (!finished) {
    take_interrupts();
    __asm__ volatile("yield");
  }
}

static void set_up(void) {
  check("the distributor has LPIs", lpis_there());
  enable_distributor();
  for (uint64_t cpu = 0; cpu < CPUS; ++cpu) enable_lpis(cpu);
  enable_its();
  for (uint64_t cpu = 0; cpu < CPUS; ++cpu) its_map_collection(cpu, cpu);
  its_map_device(DEVICE, 3);
  for (uint32_t event = 0; event < EVENTS; ++event) {
    set_lpi(FIRST_LPI + event, LPI_ENABLED);
    its_map_event(DEVICE, event, FIRST_LPI + event, 0);
  }
  its_sync(0, SYNCS);
}

// Every event comes where it is mapped to, as often as it happens.
static void raise(void) {
  for (uint32_t event = 0; event < EVENTS; ++event) {
    its_command(ITS_INT, DEVICE, event, 0);
    check_count("an event is an interrupt", 0, event, 1);
  }
}

static void mask(void) {
  set_lpi(FIRST_LPI + 3, 0);
  its_command(ITS_INV, DEVICE, 3, 0);
  its_command(ITS_INT, DEVICE, 3, 0);
  check_count("an interrupt that is disabled waits", 0, 3, 1);
  set_lpi(FIRST_LPI + 3, LPI_ENABLED);
  its_command(ITS_INV, DEVICE, 3, 0);
  check_count("and comes when it is enabled", 0, 3, 2);
  set_lpi(FIRST_LPI + 3, 0);
  its_command(ITS_INVALL, 0, 0, 0);
  its_command(ITS_INT, DEVICE, 3, 0);
  its_command(ITS_CLEAR, DEVICE, 3, 0);
  set_lpi(FIRST_LPI + 3, LPI_ENABLED);
  its_command(ITS_INVALL, 0, 0, 0);
  check_count("what is taken back does not come", 0, 3, 2);
}

static void move(void) {
  its_command(ITS_MOVI, DEVICE, 1, 1);
  for (uint64_t n = 1; n <= 3; ++n) {
    its_command(ITS_INT, DEVICE, 1, 0);
    check_count("an event that was moved comes there", 1, 1, n);
  }
  check_count("and not here", 0, 1, 1);
  // What waits here goes along.
  its_command(ITS_INT, DEVICE, 2, 0);
  its_command(ITS_MOVI, DEVICE, 2, 1);
  check_count("a waiting one is moved", 1, 2, 1);
  check_count("and not copied", 0, 2, 1);
  its_command(ITS_INT, DEVICE, 4, 0);
  its_command(ITS_INT, DEVICE, 5, 0);
  its_move_all(0, 1);
  check_count("all that wait are moved", 1, 4, 1);
  check_count("all that wait are moved", 1, 5, 1);
  check_count("and not copied", 0, 4, 1);
}

static void refuse(void) {
  its_command(ITS_DISCARD, DEVICE, 6, 0);
  its_command(ITS_INT, DEVICE, 6, 0);       // not mapped any more
  its_command(ITS_INT, DEVICE + 1, 0, 0);   // no such device
  its_command(ITS_INT, DEVICE, EVENTS, 0);  // no such event
  its_command(0x7f, DEVICE, 0, 0);          // no such command
  its_write_translater(7);                  // a CPU is no device
  check_count("an event that was forgotten does not come", 0, 6, 1);
  check_count("a CPU's message is nobody's", 0, 7, 1);
  check_equal("nothing else has come", unexpected, 0);
}

int main(void) {
  enter_flat_map(root);
  set_up();
  mask_interrupts();
  enable_interrupt_interface();
  int64_t status = start_cpu(1, stack, sizeof stack, other_cpu, 1);
  if (status != PSCI_SUCCESS) {
    print("its: CPU_ON answered %ld; this guest needs two CPUs\n", status);
    return 1;
  }
  while (!ready) {
  }
  raise();
  mask();
  move();
  refuse();
  finished = 1;
  print("its: %lu and %lu interrupts of event 1\n", counts[0][1], counts[1][1]);
  return check_summary("its");
}
