// Two vCPUs that have SIMD&FP registers of their own: each fills them with numbers of its own,
// sleeps, and finds them again, whoever has run meanwhile.

#include "runtime/interrupts.h"
#include "runtime/mmu.h"

#define ROUNDS 20UL
#define TICKS 1000UL
#define CUMULATIVE 0x9f      // FPSR: exceptions, as they have come
#define ROUNDING 0xc00000UL  // FPCR.RMode

#define SIMD ".arch_extension fp\n\t.arch_extension simd\n\t"

static page_table root;
static _Alignas(4096) char second_stack[4096];
static volatile uint64_t ticks[2];
static uint64_t wrong[2];

static uint64_t this_cpu(void) { return READ_SYSREG(mpidr_el1) & 0xff; }

bool guest_interrupt(void) {
  uint32_t intid = acknowledge_interrupt();
  if (intid == NO_INTERRUPT) return true;
  if (intid != VIRTUAL_TIMER) return false;
  WRITE_SYSREG(cntv_ctl_el0, 0);
  ++ticks[this_cpu()];
  end_interrupt(intid);
  return true;
}

// By their encodings: compilers know the names only where they may generate FP code.
static uint64_t read_fpcr(void) { return READ_SYSREG(s3_3_c4_c4_0); }
static uint64_t read_fpsr(void) { return READ_SYSREG(s3_3_c4_c4_1); }
static void write_fpcr(uint64_t value) { WRITE_SYSREG(s3_3_c4_c4_0, value); }
static void write_fpsr(uint64_t value) { WRITE_SYSREG(s3_3_c4_c4_1, value); }

// `instruction` for each of Q0 to Q31, 16 bytes apart from %0 on.
#define FOR_ALL_Q(instruction)                                                     \
  SIMD ".irp n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24," \
       "25,26,27,28,29,30,31\n\t" instruction " q\\n, [%0, #16 * \\n]\n\t.endr"

// Both halves of Qn get `number` + n.
static void fill(uint64_t number) {
  uint64_t halves[64];
  for (uint64_t n = 0; n < 64; ++n) halves[n] = number + n / 2;
  __asm__ volatile(FOR_ALL_Q("ldr")::"r"(halves) : "memory");
}

static uint64_t differences(uint64_t number) {
  uint64_t halves[64];
  __asm__ volatile(FOR_ALL_Q("str")::"r"(halves) : "memory");
  uint64_t count = 0;
  for (uint64_t n = 0; n < 64; ++n) count += halves[n] != number + n / 2;
  return count;
}

static void sleep(uint64_t cpu) {
  uint64_t before = ticks[cpu];
  WRITE_SYSREG(cntv_tval_el0, TICKS);
  WRITE_SYSREG(cntv_ctl_el0, TIMER_ENABLE);
  while (ticks[cpu] == before) {
    wait_for_interrupt();
    take_interrupts();
  }
}

static void work(uint64_t cpu) {
  mask_interrupts();
  enable_interrupt_interface();
  WRITE_SYSREG(cpacr_el1, 3UL << 20);
  __asm__ volatile("isb" ::: "memory");
  for (uint64_t n = 1; n <= ROUNDS; ++n) {
    uint64_t number = (cpu + 1) << 32 | n << 8;
    uint64_t mode = cpu == 0 ? ROUNDING : 0;
    fill(number);
    write_fpcr(mode);
    write_fpsr(n % 2 == cpu ? CUMULATIVE : 0);
    sleep(cpu);
    // Every other time it is FPCR that is asked for first.
    if (n % 2 == 0) wrong[cpu] += read_fpcr() != mode;
    wrong[cpu] += differences(number);
    wrong[cpu] += read_fpcr() != mode;
    wrong[cpu] += read_fpsr() != (n % 2 == cpu ? CUMULATIVE : 0);
  }
}

static void second(uint64_t argument) {
  mmu_enable(root, 0);
  work(argument);
}

int main(void) {
  enter_flat_map(root);
  check_equal("CPU_ON", (uint64_t)start_cpu(1, second_stack, sizeof second_stack, second, 1),
              PSCI_SUCCESS);
  work(0);
  while (psci_affinity_info(1) != AFFINITY_OFF) __asm__ volatile("yield");
  check_equal("registers of CPU 0 that are another's", wrong[0], 0);
  check_equal("registers of CPU 1 that are another's", wrong[1], 0);
  return check_summary("fpsimd");
}
