// A GICv2, whose registers are all in memory: interrupts that are set pending at the distributor,
// their priorities and masks, software-generated ones, a timer's; with a second CPU, those that it
// sends, which name their sender.

#include "runtime/interrupts.h"
#include "runtime/mmu.h"

#define DISTRIBUTOR 0x08000000UL
#define INTERFACE 0x08010000UL

enum {
  GICD_CTLR = 0x0,
  GICD_TYPER = 0x4,
  GICD_ISENABLER = 0x100,
  GICD_ISPENDR = 0x200,
  GICD_IPRIORITYR = 0x400,
  GICD_ITARGETSR = 0x800,
  GICD_ICFGR = 0xc00,
  GICD_SGIR = 0xf00,
};
enum { GICC_CTLR = 0x0, GICC_PMR = 0x4, GICC_IAR = 0xc, GICC_EOIR = 0x10, GICC_RPR = 0x14 };

enum { LOW = 40, HIGH = 41 };  // shared interrupts that nothing is wired to
enum { LOW_PRIORITY = 0xa0, HIGH_PRIORITY = 0x40, IDLE_PRIORITY = 0xff };
enum { PING = 3 };
#define ROUNDS 20UL
#define TICKS 5UL

static page_table root;
static _Alignas(4096) char second_stack[4096];
static _Alignas(64) volatile uint64_t pings[2][8];  // received by each CPU
static volatile uint64_t ticks, wrong_senders;

static uint32_t read32(uint64_t at) {
  uint32_t value;
  __asm__ volatile("ldr %w0, [%1]" : "=r"(value) : "r"(at) : "memory");
  return value;
}
static void write32(uint64_t at, uint32_t value) {
  __asm__ volatile("str %w0, [%1]\n\tdsb sy" ::"r"(value), "r"(at) : "memory");
}
static void write8(uint64_t at, uint8_t value) {
  __asm__ volatile("strb %w0, [%1]\n\tdsb sy" ::"r"(value), "r"(at) : "memory");
}

static uint64_t this_cpu(void) { return READ_SYSREG(mpidr_el1) & 0xff; }
static uint32_t acknowledge(void) { return read32(INTERFACE + GICC_IAR); }
static void end(uint32_t acknowledged) { write32(INTERFACE + GICC_EOIR, acknowledged); }
static void set_pending(uint32_t intid) {
  write32(DISTRIBUTOR + GICD_ISPENDR + intid / 32 * 4, 1U << intid % 32);
}
static void enable(uint32_t intid, uint8_t priority) {
  write8(DISTRIBUTOR + GICD_IPRIORITYR + intid, priority);
  write32(DISTRIBUTOR + GICD_ISENABLER + intid / 32 * 4, 1U << intid % 32);
}
static void send(uint32_t intid, uint32_t cpu) {
  write32(DISTRIBUTOR + GICD_SGIR, 1U << (16 + cpu) | intid);
}

bool guest_interrupt(void) {
  uint32_t acknowledged = acknowledge();
  uint64_t cpu = this_cpu();
  switch (acknowledged & 0x3ff) {
    case NO_INTERRUPT: return true;
    case VIRTUAL_TIMER:
      WRITE_SYSREG(cntv_ctl_el0, 0);
      ++ticks;
      break;
    case PING:
      if (acknowledged >> 10 != 1 - cpu) ++wrong_senders;
      ++pings[cpu][0];
      break;
    default: return false;
  }
  end(acknowledged);
  return true;
}

static void sleep_until(volatile uint64_t* count, uint64_t target) {
  while (*count < target) {
    wait_for_interrupt();
    take_interrupts();
  }
}

static void open_interface(void) {
  enable(PING, LOW_PRIORITY);
  write32(INTERFACE + GICC_PMR, 0xf0);
  write32(INTERFACE + GICC_CTLR, 1);
}

static void asked_for(void) {
  check_equal("nothing is pending", acknowledge(), NO_INTERRUPT);
  send(PING, 0);
  check_equal("an interrupt to itself", acknowledge(), PING);
  check_equal("its priority", read32(INTERFACE + GICC_RPR), LOW_PRIORITY);
  check_equal("while it is active", acknowledge(), NO_INTERRUPT);
  end(PING);
  check_equal("idle priority", read32(INTERFACE + GICC_RPR), IDLE_PRIORITY);

  for (uint32_t intid = LOW; intid <= HIGH; ++intid) {
    write8(DISTRIBUTOR + GICD_ITARGETSR + intid, 1);
    enable(intid, intid == LOW ? LOW_PRIORITY : HIGH_PRIORITY);
  }
  write32(DISTRIBUTOR + GICD_ICFGR + LOW / 16 * 4, 0xaaaaaaaa);  // edges
  set_pending(LOW);
  set_pending(HIGH);
  check_equal("the more urgent one", acknowledge(), HIGH);
  check_equal("its priority", read32(INTERFACE + GICC_RPR), HIGH_PRIORITY);
  check_equal("the other one waits", acknowledge(), NO_INTERRUPT);
  end(HIGH);
  write32(INTERFACE + GICC_PMR, 0x80);
  check_equal("masked by priority", acknowledge(), NO_INTERRUPT);
  write32(INTERFACE + GICC_PMR, 0xf0);
  check_equal("the other one", acknowledge(), LOW);
  set_pending(HIGH);
  check_equal("one that preempts", acknowledge(), HIGH);
  end(HIGH);
  end(LOW);
  check_equal("all is done", acknowledge(), NO_INTERRUPT);
}

static void timer(void) {
  enable(VIRTUAL_TIMER, LOW_PRIORITY);
  for (uint64_t n = 1; n <= TICKS; ++n) {
    WRITE_SYSREG(cntv_tval_el0, 1000);
    WRITE_SYSREG(cntv_ctl_el0, TIMER_ENABLE);
    sleep_until(&ticks, n);
  }
}

static void second(uint64_t argument) {
  mmu_enable(root, 0);
  mask_interrupts();
  open_interface();
  for (uint64_t n = 1; n <= argument; ++n) {
    send(PING, 0);
    sleep_until(&pings[1][0], n);
  }
}

static void two_cpus(void) {
  check_equal("CPU_ON", (uint64_t)start_cpu(1, second_stack, sizeof second_stack, second, ROUNDS),
              PSCI_SUCCESS);
  for (uint64_t n = 1; n <= ROUNDS; ++n) {
    sleep_until(&pings[0][0], n);
    send(PING, 1);
  }
  while (psci_affinity_info(1) != AFFINITY_OFF) __asm__ volatile("yield");
  check_equal("pings that CPU 1 has got", pings[1][0], ROUNDS);
  check_equal("senders", wrong_senders, 0);
}

int main(void) {
  mask_interrupts();
  enter_flat_map(root);
  uint32_t cpus = (read32(DISTRIBUTOR + GICD_TYPER) >> 5 & 7) + 1;
  write32(DISTRIBUTOR + GICD_CTLR, 1);
  open_interface();
  asked_for();
  timer();
  if (cpus > 1) two_cpus();
  print("gicv2: %lu ticks, %u CPUs\n", ticks, cpus);
  return check_summary("gicv2");
}
