// Kinds of exits, each a hundred times: what a model of a processor says of their costs is printed
// at the end of a run with --timing. Two vCPUs; the second waits for interrupts without sleeping.

#include "runtime/interrupts.h"
#include "runtime/mmu.h"

#define TIMES 100UL

#define GICD_BASE 0x08000000UL
#define GICD_CTLR (GICD_BASE + 0x0)
#define GICD_IIDR (GICD_BASE + 0x8)
#define GICR_BASE 0x080a0000UL
#define GICR_STRIDE 0x20000UL
#define GICR_WAKER 0x14
#define GICR_IGROUPR0 0x10080
#define GICR_ISENABLER0 0x10100
#define UART_FR (UART_BASE + 0x18)

static page_table root;
static _Alignas(4096) char stack[4096];
static volatile uint64_t received;
static volatile uint64_t ready;
static volatile uint64_t finished;

static uint32_t read32(uint64_t address) {
  uint32_t value;
  __asm__ volatile("ldr %w0, [%1]" : "=r"(value) : "r"(address) : "memory");
  return value;
}
static void write32(uint64_t address, uint32_t value) {
  __asm__ volatile("str %w0, [%1]" ::"r"(value), "r"(address) : "memory");
}

bool guest_interrupt(void) {
  uint32_t intid = acknowledge_interrupt();
  if (intid == NO_INTERRUPT) return true;
  if (intid == 1) ++received;
  end_interrupt(intid);
  return true;
}

static void enable_interrupts_of(uint64_t cpu) {
  const uint64_t frame = GICR_BASE + cpu * GICR_STRIDE;
  write32(frame + GICR_WAKER, 0);
  while ((read32(frame + GICR_WAKER) & 4) != 0) {
  }
  write32(frame + GICR_IGROUPR0, 0xffffffff);
  write32(frame + GICR_ISENABLER0, 0xffff);
}

static void other_cpu(uint64_t cpu) {
  mmu_enable(root, 0);
  mask_interrupts();
  enable_interrupts_of(cpu);
  enable_interrupt_interface();
  ready = 1;
  while (!finished) take_interrupts();
}

static void calls(void) {
  for (uint64_t n = 0; n < TIMES; ++n) hvc(PSCI_VERSION, 0, 0, 0);
}
static void registers(void) {
  for (uint64_t n = 0; n < TIMES; ++n) (void)READ_SYSREG(id_aa64pfr0_el1);
}
static void controller(void) {
  for (uint64_t n = 0; n < TIMES; ++n) read32(GICD_IIDR);
}
static void console(void) {
  for (uint64_t n = 0; n < TIMES; ++n) read32(UART_FR);
}
// Of no interrupt: the interface answers, nobody exits.
static void ends(void) {
  for (uint64_t n = 0; n < TIMES; ++n) end_interrupt(NO_INTERRUPT);
}
static void interrupts(void) {
  for (uint64_t n = 1; n <= TIMES; ++n) {
    send_interrupt(1, 1);
    while (received != n) {
    }
  }
}

int main(void) {
  enter_flat_map(root);
  write32(GICD_CTLR, 1U << 4 | 1U << 1);  // ARE_NS, EnableGrp1NS
  enable_interrupt_interface();
  int64_t status = start_cpu(1, stack, sizeof stack, other_cpu, 1);
  if (status != PSCI_SUCCESS) {
    print("exits: CPU_ON answered %ld; this guest needs two CPUs\n", status);
    return 1;
  }
  while (!ready) {
  }
  calls();
  registers();
  controller();
  console();
  ends();
  interrupts();
  finished = 1;
  check_equal("interrupts", received, TIMES);
  return check_summary("exits");
}
