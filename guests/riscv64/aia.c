// The Advanced Interrupt Architecture: messages between harts, an APLIC that makes messages of a
// level, each gate on their way, and software interrupts by SSWI. The source is the console's
// transmitter, which asks for more whenever it may.

#include "runtime/aia.h"
#include "runtime/atomic.h"
#include "runtime/interrupts.h"

#define SOURCE APLIC_UART
#define BIT(n) (1UL << (n))
#define IER (*(volatile uint8_t*)(UART_BASE + 1))
#define IIR (*(volatile const uint8_t*)(UART_BASE + 2))

// Identities.
enum { FIRST = 1, LEVEL = 3, BETWEEN = 40, LAST = 255 };

static _Alignas(4096) char second_stack[4096];
static volatile unsigned taken[2][LAST + 1];
static volatile unsigned softly[2];
static volatile uint64_t second_ready, second_done;

static void raise(void) { IER = 2; }
static void lower(void) { IER = 0; }

bool guest_interrupt(uint64_t code) {
  const uint64_t hart = this_hart();
  if (code == SOFTWARE_INTERRUPT) {
    CLEAR_CSR(sip, INTERRUPT_BIT(SOFTWARE_INTERRUPT));
    ++softly[hart];
    return true;
  }
  if (code != EXTERNAL_INTERRUPT) return false;
  check_equal("stopi", top_interrupt(), EXTERNAL_INTERRUPT);
  for (uint64_t identity = claim_message(); identity != 0; identity = claim_message()) {
    ++taken[hart][identity];
    if (identity != LEVEL) continue;
    check_equal("IIR: transmitter empty", IIR & 0xf, 2);
    lower();
  }
  check("stopi when all are claimed", top_interrupt() != EXTERNAL_INTERRUPT);
  return true;
}

static uint64_t pending(void) { return READ_CSR(sip) >> EXTERNAL_INTERRUPT & 1; }

static void open_file(void) {
  write_file(EIDELIVERY, 1);
  write_file(EITHRESHOLD, 0);
}

// Each gate of the interrupt file by itself, with interrupts masked.
static void file(void) {
  write_file(EIE0, 0);
  send_message(0, LEVEL);
  check_equal("pending", read_file(EIP0), BIT(LEVEL));
  check_equal("but not enabled", top_message(), 0);
  set_in_file(EIE0, BIT(LEVEL));
  check_equal("enabled", top_message(), LEVEL);
  check_equal("but not delivered", pending(), 0);
  open_file();
  check_equal("delivered", pending(), 1);
  write_file(EITHRESHOLD, LEVEL);
  check_equal("not below the threshold", pending(), 0);
  write_file(EITHRESHOLD, LEVEL + 1);
  check_equal("below the threshold", pending(), 1);
  write_file(EITHRESHOLD, 0);
  set_in_file(EIE0, BIT(FIRST) | BIT(BETWEEN));
  set_in_file(EIE0 + 6, BIT(LAST - 192));
  send_message(0, LAST);
  send_message(0, BETWEEN);
  send_message(0, FIRST);
  check_equal("the first", claim_message(), FIRST);
  check_equal("the second", claim_message(), LEVEL);
  check_equal("the third", claim_message(), BETWEEN);
  check_equal("the last", claim_message(), LAST);
  check_equal("no more", claim_message(), 0);
  check_equal("nothing is pending", pending(), 0);
  send_message(0, LAST + 1);
  send_message(0, 0);
  check_equal("identities that there are none of", read_file(EIP0) | read_file(EIP0 + 8), 0);
  check_equal("priorities", read_file(0x30), 0);
}

// Each gate of the APLIC.
static void aplic(void) {
  const volatile uint32_t* domain = aplic_register(APLIC_DOMAINCFG);
  *aplic_register(APLIC_DOMAINCFG) = APLIC_DM;
  check_equal("domaincfg", *domain, 0x80000000 | APLIC_DM);
  *aplic_target(SOURCE) = 5;
  check_equal("target of an inactive source", *aplic_target(SOURCE), 0);
  *aplic_sourcecfg(SOURCE) = SOURCE_LEVEL1;
  check_equal("sourcecfg", *aplic_sourcecfg(SOURCE), SOURCE_LEVEL1);
  *aplic_target(SOURCE) = message_to(0, LEVEL);
  raise();
  check_equal("pending", *aplic_register(APLIC_SETIP), BIT(SOURCE));
  check_equal("its input", *aplic_register(APLIC_IN_CLRIP), BIT(SOURCE));
  *aplic_register(APLIC_SETIENUM) = SOURCE;
  check_equal("enabled", *aplic_register(APLIC_SETIE), BIT(SOURCE));
  check_equal("but not the domain", pending(), 0);
  *aplic_register(APLIC_DOMAINCFG) = APLIC_IE | APLIC_DM;
  check_equal("sent", claim_message(), LEVEL);
  check_equal("once", claim_message(), 0);
  check_equal("pending no more", *aplic_register(APLIC_SETIP), 0);
  *aplic_register(APLIC_SETIPNUM_LE) = SOURCE;
  check_equal("sent again, since the level stays", claim_message(), LEVEL);
  lower();
  *aplic_register(APLIC_SETIPNUM_LE) = SOURCE;
  check_equal("not after it has gone", claim_message(), 0);
  *aplic_register(APLIC_GENMSI) = message_to(0, BETWEEN);
  check_equal("a message out of the blue", claim_message(), BETWEEN);
}

static void wait_for(const volatile unsigned* count, unsigned target) {
  while (*count < target) {
    wait_for_interrupt();
    take_interrupts();
  }
}

static void interrupts(void) {
  enable_interrupt(EXTERNAL_INTERRUPT);
  enable_interrupt(SOFTWARE_INTERRUPT);
  for (unsigned n = 1; n <= 3; ++n) {
    raise();
    wait_for(&taken[0][LEVEL], n);
  }
  send_software_interrupt(0);
  wait_for(&softly[0], 1);
}

static void second(uint64_t argument) {
  (void)argument;
  open_file();
  write_file(EIE0, BIT(LEVEL) | BIT(BETWEEN));
  enable_interrupt(EXTERNAL_INTERRUPT);
  enable_interrupt(SOFTWARE_INTERRUPT);
  second_ready = 1;
  wait_for(&taken[1][BETWEEN], 1);
  send_message(0, BETWEEN);
  wait_for(&taken[1][LEVEL], 1);
  wait_for(&softly[1], 1);
  second_done = 1;
}

static void other_hart(void) {
  *aplic_target(SOURCE) = message_to(1, LEVEL);
  int64_t status = start_cpu(1, second_stack, sizeof second_stack, second, 0);
  check_equal("hart_start", (uint64_t)status, SBI_SUCCESS);
  if (status != SBI_SUCCESS) return;
  while (!second_ready) wait_for_event();
  send_message(1, BETWEEN);
  wait_for(&taken[0][BETWEEN], 1);
  raise();
  send_software_interrupt(1);
  while (!second_done) wait_for_event();
  check_equal("the source's interrupts of the first hart", taken[0][LEVEL], 3);
  check_equal("and of the second", taken[1][LEVEL], 1);
}

int main(void) {
  mask_interrupts();
  lower();
  file();
  aplic();
  interrupts();
  other_hart();
  print("aia: %u and %u interrupts\n", taken[0][LEVEL], taken[1][LEVEL]);
  return check_summary("aia");
}
