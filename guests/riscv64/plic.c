// The interrupt controller: a source's way to one hart or the other, its priority, what claims and
// completes, and what a level does that stays. The source is the console's transmitter, which asks
// for more whenever it may.

#include "runtime/plic.h"
#include "runtime/atomic.h"
#include "runtime/interrupts.h"

#define SOURCE PLIC_UART
#define IER (*(volatile uint8_t*)(UART_BASE + 1))
#define IIR (*(volatile const uint8_t*)(UART_BASE + 2))

static _Alignas(4096) char second_stack[4096];
static volatile bool listening, heard_of_it;
static volatile unsigned taken[2];
static volatile uint32_t claimed[2];
static volatile uint64_t second_ready, second_done;

// The transmitter is empty: reading IIR says that it was heard, and takes its interrupt back.
static void raise(void) { IER = 2; }
static void lower(void) { IER = 0; }

bool guest_interrupt(uint64_t code) {
  if (code != EXTERNAL_INTERRUPT) return false;
  if (listening) {
    heard_of_it = true;
    disable_interrupt(EXTERNAL_INTERRUPT);
    return true;
  }
  const uint64_t hart = this_hart();
  claimed[hart] = *plic_claim(hart);
  ++taken[hart];
  check_equal("a second claim", *plic_claim(hart), 0);
  check_equal("IIR: transmitter empty", IIR & 0xf, 2);
  lower();
  *plic_claim(hart) = claimed[hart];
  return true;
}

// Whether the hart is told to come: it is let to, since not every machine shows that in sip.
static bool pending(void) {
  listening = true;
  heard_of_it = false;
  enable_interrupt(EXTERNAL_INTERRUPT);
  take_interrupts();
  disable_interrupt(EXTERNAL_INTERRUPT);
  listening = false;
  return heard_of_it;
}

static void quiet(const char* what) {
  raise();
  check(what, !pending());
  check_equal("but it is pending at the PLIC", plic_is_pending(SOURCE), 1);
}
static void heard(const char* what) { check(what, pending()); }

// Each gate by itself, with interrupts masked.
static void gates(void) {
  check_equal("nothing is pending", plic_is_pending(SOURCE), 0);
  *plic_priority(SOURCE) = 3;
  *plic_threshold(0) = 0;
  check_equal("priority", *plic_priority(SOURCE), 3);
  quiet("not enabled");
  *plic_enable(0, SOURCE) = 1U << SOURCE;
  heard("enabled");
  *plic_threshold(0) = 3;
  check_equal("threshold", *plic_threshold(0), 3);
  quiet("priority not above the threshold");
  *plic_threshold(0) = 2;
  heard("priority above the threshold");
  *plic_priority(SOURCE) = 0;
  quiet("of priority 0");
  *plic_priority(SOURCE) = 7;
  heard("of the highest priority");
}

static void claims(void) {
  const volatile uint32_t* claim = plic_claim(0);
  check_equal("claim", *claim, SOURCE);
  check_equal("it is pending no more", plic_is_pending(SOURCE), 0);
  check("nor does the hart hear of it", !pending());
  check_equal("another claim", *claim, 0);
  *plic_claim(0) = SOURCE + 1;
  check_equal("completion of another source", plic_is_pending(SOURCE), 0);
  *plic_claim(0) = SOURCE;
  check_equal("completion while the level stays: pending again", plic_is_pending(SOURCE), 1);
  heard("and heard again");
  check_equal("claim", *claim, SOURCE);
  lower();
  *plic_claim(0) = SOURCE;
  check_equal("completion after the level has gone", plic_is_pending(SOURCE), 0);
  check("and not heard", !pending());
}

static void interrupts(void) {
  enable_interrupt(EXTERNAL_INTERRUPT);
  for (unsigned n = 1; n <= 3; ++n) {
    raise();
    while (taken[0] != n) {
      wait_for_interrupt();
      take_interrupts();
    }
    check_equal("claimed", claimed[0], SOURCE);
  }
  disable_interrupt(EXTERNAL_INTERRUPT);
}

static void second(uint64_t argument) {
  (void)argument;
  *plic_threshold(1) = 0;
  *plic_enable(1, SOURCE) = 1U << SOURCE;
  enable_interrupt(EXTERNAL_INTERRUPT);
  second_ready = 1;
  while (taken[1] == 0) {
    wait_for_interrupt();
    take_interrupts();
  }
  second_done = 1;
}

static void other_hart(void) {
  *plic_enable(0, SOURCE) = 0;
  int64_t status = start_cpu(1, second_stack, sizeof second_stack, second, 0);
  check_equal("hart_start", (uint64_t)status, SBI_SUCCESS);
  if (status != SBI_SUCCESS) return;
  while (!second_ready) wait_for_event();
  raise();
  while (!second_done) wait_for_event();
  check_equal("interrupts of the second hart", taken[1], 1);
  check_equal("claimed by the second hart", claimed[1], SOURCE);
  check_equal("interrupts of the first hart", taken[0], 3);
}

int main(void) {
  mask_interrupts();
  lower();
  gates();
  claims();
  interrupts();
  other_hart();
  print("plic: %u and %u interrupts\n", taken[0], taken[1]);
  return check_summary("plic");
}
