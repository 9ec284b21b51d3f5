// Everything that nobody knows: instructions, CSRs, calls. Prints what comes back: an exception and
// its stval, a value, a status.

#include "runtime/guest.h"
#include "runtime/instruction.h"

static uint64_t last_cause, last_value;
#define NONE (~0UL)

bool guest_exception(struct trap_frame* frame) {
  last_cause = frame->scause;
  last_value = frame->stval;
  frame->sepc += instruction_length(frame->sepc);
  return true;
}

// Executes one instruction with a0 = 0x5eed.
#define EXECUTE(instruction)                                      \
  __extension__({                                                 \
    register uint64_t a0_ __asm__("a0") = 0x5eed;                 \
    last_cause = NONE;                                            \
    __asm__ volatile(instruction : "+r"(a0_) : : "a1", "memory"); \
    a0_;                                                          \
  })

static void shows(const char* what, uint64_t value) {
  if (last_cause != NONE) {
    print("  %s: exception %lu, stval 0x%lx\n", what, last_cause, last_value);
  } else {
    print("  %s: 0x%lx\n", what, value);
  }
}

// `bits`: of the instruction, which stval holds, or 0.
static void is_illegal(const char* what, uint64_t value, uint64_t bits) {
  shows(what, value);
  check_equal(what, last_cause, ILLEGAL_INSTRUCTION);
  check(what, last_value == 0 || last_value == bits);
  check_equal(what, value, 0x5eed);
}

#define ILLEGAL(what, word) is_illegal(what, EXECUTE(".4byte " #word), word)
#define ILLEGAL_COMPRESSED(what, half) is_illegal(what, EXECUTE(".2byte " #half), half)

static void instructions(void) {
  ILLEGAL_COMPRESSED("zeroes", 0x0000);
  ILLEGAL_COMPRESSED("c.addi4spn without an offset", 0x0004);
  ILLEGAL_COMPRESSED("c.jr of x0", 0x8002);
  ILLEGAL("ones", 0xffffffff);
  ILLEGAL("a load of no width", 0x0005f503);                    // funct3 111
  ILLEGAL("an arithmetic instruction of no kind", 0x04b50533);  // funct7 0000010
  ILLEGAL("a vector instruction, which RV64GC lacks", 0x02050557);
  ILLEGAL("FENCE of no kind", 0x0000700f);
}

static void without_floating_point(void) {
  CLEAR_CSR(sstatus, SSTATUS_FS);
  ILLEGAL("fadd.d while FS is off", 0x02b57553);
  ILLEGAL("fld while FS is off", 0x00053507);
  ILLEGAL("reading fcsr while FS is off", 0x00302573);
}

// csrr a0, csr. Those of M-mode and of the hypervisor are not a guest's, the others nobody's.
static void registers(void) {
  ILLEGAL("csrr mstatus", 0x30002573);
  ILLEGAL("csrr mhartid", 0xf1402573);
  ILLEGAL("csrr hstatus", 0x60002573);
  ILLEGAL("csrr hgatp", 0x68002573);
  ILLEGAL("csrr vsstatus", 0x20002573);
  ILLEGAL("csrw vsatp", 0x28051073);
  ILLEGAL("csrw hvip", 0x64551073);
  ILLEGAL("csrr of a custom CSR", 0x5c002573);
  ILLEGAL("csrr of a reserved CSR", 0x1ff02573);
  ILLEGAL("csrw time, which is read-only", 0xc0151073);
}

static void privileged(void) {
  ILLEGAL("mret", 0x30200073);
  ILLEGAL("hfence.gvma", 0x62000073);
  ILLEGAL("hfence.vvma", 0x22000073);
  ILLEGAL("hlv.d", 0x6c054573);
  ILLEGAL("hlvx.hu", 0x64354573);
  ILLEGAL("hsv.w", 0x6aa54073);
}

static void breakpoints(void) {
  uint64_t here;
  last_cause = NONE;
  __asm__ volatile("la %0, 1f\n\t.option push\n\t.option norvc\n1:\tebreak\n\t.option pop"
                   : "=r"(here)
                   :
                   : "memory");
  print("  ebreak: exception %lu\n", last_cause);
  check_equal("ebreak: cause", last_cause, BREAKPOINT);
  check("ebreak: stval", last_value == here || last_value == 0);
  last_cause = NONE;
  __asm__ volatile("c.ebreak" ::: "memory");
  check_equal("c.ebreak: cause", last_cause, BREAKPOINT);
}

static void misaligned(void) {
  static uint64_t words[2];
  uint64_t value = 0;
  last_cause = NONE;
  __asm__ volatile("lr.d %0, (%1)" : "+r"(value) : "r"((uint64_t)words + 4) : "memory");
  shows("misaligned lr.d", value);
  check_equal("misaligned lr.d", last_cause, MISALIGNED_LOAD);
  check_equal("misaligned lr.d: stval", last_value, (uint64_t)words + 4);
  last_cause = NONE;
  __asm__ volatile("amoadd.w %0, %0, (%1)" : "+r"(value) : "r"((uint64_t)words + 2) : "memory");
  shows("misaligned amoadd.w", value);
  check_equal("misaligned amoadd.w", last_cause, MISALIGNED_STORE);
}

// Extensions that belong to nobody here.
static void calls(void) {
  static const uint64_t extensions[] = {
      0x08000042,          // experimental
      0x09000042,          // a vendor's
      0x0a000042,          // firmware's
      0x5eed5eed5eed5eed,  // no 32 bits
  };
  for (unsigned n = 0; n < sizeof extensions / sizeof extensions[0]; ++n) {
    last_cause = NONE;
    struct sbi_result result = sbi_call(extensions[n], 0, 1, 2, 3, 4, 5);
    print("  call 0x%lx: %ld\n", extensions[n], result.error);
    check_equal("unknown call", (uint64_t)result.error, (uint64_t)SBI_NOT_SUPPORTED);
    check_equal("unknown call: no exception", last_cause, NONE);
  }
}

int main(void) {
  print("unknown: what nobody knows\n");
  instructions();
  without_floating_point();
  registers();
  privileged();
  breakpoints();
  misaligned();
  calls();
  return check_summary("unknown");
}
