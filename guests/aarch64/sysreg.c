// System registers: feature registers show what a guest may have, ACTLR_EL1 answers, a register
// that does not exist is undefined and nothing more happens.

#include "runtime/guest.h"

static bool undefined_expected;
static unsigned undefined_seen;

bool guest_exception(struct exception_frame* frame) {
  if (!undefined_expected || exception_class(frame) != EC_UNKNOWN) return false;
  ++undefined_seen;
  frame->elr += 4;
  return true;
}

static uint64_t field(uint64_t value, unsigned low) { return value >> low & 0xf; }

static void processor_features(void) {
  uint64_t pfr0 = READ_SYSREG(id_aa64pfr0_el1);
  print("sysreg: ID_AA64PFR0_EL1 0x%016lx\n", pfr0);
  check("EL0 can be used", field(pfr0, 0) != 0);
  check("EL1 can be used", field(pfr0, 4) != 0);
  check_equal("ID_AA64PFR0_EL1.EL2: no nested virtualization", field(pfr0, 8), 0);
  check_equal("ID_AA64PFR0_EL1.SVE", field(pfr0, 32), 0);
  check_equal("ID_AA64PFR1_EL1.MTE", field(READ_SYSREG(id_aa64pfr1_el1), 8), 0);
  check_equal("ID_AA64ISAR1_EL1: no pointer authentication",
              READ_SYSREG(id_aa64isar1_el1) & 0xff000ff0, 0);
  check("4 KiB granule", field(READ_SYSREG(id_aa64mmfr0_el1), 28) != 0xf);
  check("debug architecture is named", field(READ_SYSREG(id_aa64dfr0_el1), 0) >= 6);
  // The identification space has holes: reserved, read as zero (DDI 0487, D24.3.1).
  check_equal("reserved ID register", READ_SYSREG(s3_0_c0_c7_7), 0);
}

static void identification(void) {
  uint64_t midr = READ_SYSREG(midr_el1);
  uint64_t mpidr = READ_SYSREG(mpidr_el1);
  print("sysreg: MIDR_EL1 0x%lx, MPIDR_EL1 0x%lx\n", midr, mpidr);
  check_equal("MIDR_EL1: architecture is told by ID registers", field(midr, 16), 0xf);
  check_equal("MPIDR_EL1.RES1", mpidr >> 31 & 1, 1);
  check_equal("MPIDR_EL1: affinity of the first CPU", mpidr & 0xff00ffffff, 0);
}

static void auxiliary_control(void) {
  uint64_t before = READ_SYSREG(actlr_el1);
  print("sysreg: ACTLR_EL1 0x%lx\n", before);
  WRITE_SYSREG(actlr_el1, before);
  check_equal("ACTLR_EL1 after its own value is written", READ_SYSREG(actlr_el1), before);
}

static void thread_registers(void) {
  WRITE_SYSREG(tpidr_el0, 0x1111222233334444);
  WRITE_SYSREG(tpidrro_el0, 0x5555666677778888);
  WRITE_SYSREG(tpidr_el1, 0x9999aaaabbbbcccc);
  check_equal("TPIDR_EL0", READ_SYSREG(tpidr_el0), 0x1111222233334444);
  check_equal("TPIDRRO_EL0", READ_SYSREG(tpidrro_el0), 0x5555666677778888);
  check_equal("TPIDR_EL1", READ_SYSREG(tpidr_el1), 0x9999aaaabbbbcccc);
}

static void unallocated(void) {
  undefined_expected = true;
  uint64_t value = 0x600d;
  __asm__ volatile("mrs %0, s3_0_c4_c8_0" : "+r"(value));
  check_equal("undefined MRS counts", undefined_seen, 1);
  check_equal("undefined MRS leaves its register", value, 0x600d);
  __asm__ volatile("msr s3_0_c4_c8_0, %0" ::"r"(value));
  check_equal("undefined MSR counts", undefined_seen, 2);
  __asm__ volatile("mrs %0, hcr_el2" : "+r"(value));
  check_equal("registers of EL2 are undefined at EL1", undefined_seen, 3);
  undefined_expected = false;
}

int main(void) {
  processor_features();
  identification();
  auxiliary_control();
  thread_registers();
  unallocated();
  return check_summary("sysreg");
}
