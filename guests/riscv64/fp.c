// Two vCPUs that have floating-point registers of their own: each fills them with numbers of its
// own, sleeps, and finds them again, whoever has run meanwhile.

#include "runtime/atomic.h"
#include "runtime/interrupts.h"
#include "runtime/mmu.h"

#define ROUNDS 20UL
#define TICKS 1000UL
#define FLAGS 0x1fUL         // fcsr.fflags: exceptions, as they have come
#define ROUNDING (3UL << 5)  // fcsr.frm: up

#define FLOAT ".option push\n\t.option arch, +f, +d\n\t"
#define END "\n\t.option pop"

static page_table root;
static _Alignas(4096) char second_stack[4096];
static volatile uint64_t ticks[2];
static uint64_t wrong[2];

bool guest_interrupt(uint64_t code) {
  if (code != TIMER_INTERRUPT) return false;
  set_timer(NEVER);
  ++ticks[this_hart()];
  return true;
}

// By its number: compilers know the name only where they may generate code that uses it.
static uint64_t read_fcsr(void) { return READ_CSR(0x003); }
static void write_fcsr(uint64_t value) { WRITE_CSR(0x003, value); }

// `instruction` for each of f0 to f31, 8 bytes apart from %0 on.
#define FOR_ALL(instruction)                                               \
  FLOAT                                                                    \
  ".irp n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23," \
  "24,25,26,27,28,29,30,31\n\t" instruction " f\\n, (8 * \\n)(%0)\n\t.endr" END

// fn gets `number` + n.
static void fill(uint64_t number) {
  uint64_t values[32];
  for (uint64_t n = 0; n < 32; ++n) values[n] = number + n;
  __asm__ volatile(FOR_ALL("fld")::"r"(values) : "memory");
}

static uint64_t differences(uint64_t number) {
  uint64_t values[32];
  __asm__ volatile(FOR_ALL("fsd")::"r"(values) : "memory");
  uint64_t count = 0;
  for (uint64_t n = 0; n < 32; ++n) count += values[n] != number + n;
  return count;
}

static void sleep(uint64_t hart) {
  uint64_t before = ticks[hart];
  set_timer(read_time() + TICKS);
  while (ticks[hart] == before) {
    wait_for_interrupt();
    take_interrupts();
  }
}

static void work(uint64_t hart) {
  mask_interrupts();
  enable_interrupt(TIMER_INTERRUPT);
  SET_CSR(sstatus, SSTATUS_FS);
  for (uint64_t n = 1; n <= ROUNDS; ++n) {
    uint64_t number = (hart + 1) << 32 | n << 8;
    uint64_t control = (hart == 0 ? ROUNDING : 0) | (n % 2 == hart ? FLAGS : 0);
    fill(number);
    write_fcsr(control);
    sleep(hart);
    // Every other time it is fcsr that is asked for first.
    if (n % 2 == 0) wrong[hart] += read_fcsr() != control;
    wrong[hart] += differences(number);
    wrong[hart] += read_fcsr() != control;
    wrong[hart] += (READ_CSR(sstatus) & SSTATUS_FS) != SSTATUS_FS;
  }
}

static void second(uint64_t argument) {
  mmu_enable(root, 0);
  work(argument);
}

// 1 / 3 both ways, and the flag that it leaves.
static void arithmetic(void) {
  uint64_t down, up;
  SET_CSR(sstatus, SSTATUS_FS);
  write_fcsr(0);
  __asm__ volatile(FLOAT
                   "li t0, 1\n\tli t1, 3\n\tfcvt.d.l f0, t0\n\tfcvt.d.l f1, t1\n\t"
                   "fdiv.d f2, f0, f1, rdn\n\tfdiv.d f3, f0, f1, rup\n\t"
                   "fmv.x.d %0, f2\n\tfmv.x.d %1, f3" END
                   : "=&r"(down), "=&r"(up)
                   :
                   : "t0", "t1");
  check_equal("1 / 3, rounded down", down, 0x3fd5555555555555);
  check_equal("1 / 3, rounded up", up, 0x3fd5555555555556);
  check_equal("inexact", read_fcsr(), 1);
}

int main(void) {
  arithmetic();
  enter_flat_map(root);
  check_equal("hart_start", (uint64_t)start_cpu(1, second_stack, sizeof second_stack, second, 1),
              SBI_SUCCESS);
  work(0);
  while (sbi_hart_status(1) != HART_STOPPED) wait_for_event();
  check_equal("registers of hart 0 that are another's", wrong[0], 0);
  check_equal("registers of hart 1 that are another's", wrong[1], 0);
  return check_summary("fp");
}
