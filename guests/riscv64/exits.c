// Kinds of exits, each a hundred times: what a model of a processor says of their costs is printed
// at the end of a run with --timing. Two vCPUs; the second waits for interrupts without sleeping.

#include "runtime/interrupts.h"
#include "runtime/mmu.h"
#include "runtime/plic.h"

#define TIMES 100UL
#define LSR (*(volatile const uint8_t*)(UART_BASE + 5))

static page_table root;
static _Alignas(4096) char stack[4096];
static volatile uint64_t received;
static volatile uint64_t ready;
static volatile uint64_t finished;
static uint64_t refused;

bool guest_interrupt(uint64_t code) {
  if (code != SOFTWARE_INTERRUPT) return false;
  CLEAR_CSR(sip, INTERRUPT_BIT(SOFTWARE_INTERRUPT));
  ++received;
  return true;
}

bool guest_exception(struct trap_frame* frame) {
  if (frame->scause != ILLEGAL_INSTRUCTION) return false;
  ++refused;
  frame->sepc += 4;
  return true;
}

static void other_hart(uint64_t hart) {
  (void)hart;
  mmu_enable(root, 0);
  mask_interrupts();
  enable_interrupt(SOFTWARE_INTERRUPT);
  ready = 1;
  while (!finished) take_interrupts();
}

static void calls(void) {
  for (uint64_t n = 0; n < TIMES; ++n) sbi_call(SBI_BASE, GET_SPEC_VERSION, 0, 0, 0, 0, 0);
}
// The hypervisor's, which it refuses.
static void registers(void) {
  for (uint64_t n = 0; n < TIMES; ++n) (void)READ_CSR(0x680);  // hgatp
  check_equal("CSRs refused", refused, TIMES);
}
static void controller(void) {
  for (uint64_t n = 0; n < TIMES; ++n) (void)*plic_priority(PLIC_UART);
}
static void console(void) {
  for (uint64_t n = 0; n < TIMES; ++n) (void)LSR;
}
// Of one's own timer: Sstc answers, nobody exits.
static void timers(void) {
  for (uint64_t n = 0; n < TIMES; ++n) set_timer(NEVER);
}
static void interrupts(void) {
  for (uint64_t n = 1; n <= TIMES; ++n) {
    sbi_send_ipi(2);
    while (received != n) {
    }
  }
}

int main(void) {
  enter_flat_map(root);
  int64_t status = start_cpu(1, stack, sizeof stack, other_hart, 1);
  if (status != SBI_SUCCESS) {
    print("exits: hart_start answered %ld; this guest needs two harts\n", status);
    return 1;
  }
  while (!ready) {
  }
  calls();
  registers();
  controller();
  console();
  timers();
  interrupts();
  finished = 1;
  check_equal("interrupts", received, TIMES);
  return check_summary("exits");
}
