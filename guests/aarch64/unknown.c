// Everything that nobody knows: undefined instructions, registers, calls and immediates. Prints
// what comes back: an exception's class, a value, a status.

#include "runtime/guest.h"

#define NOT_SUPPORTED (~0UL)

static uint64_t last_syndrome;

bool guest_exception(struct exception_frame* frame) {
  last_syndrome = frame->esr;
  if (exception_class(frame) != EC_SVC64) frame->elr += 4;
  return true;
}

// Executes one instruction with X0 = 0x5eed. True when it took an exception.
#define EXECUTE(instruction)                                      \
  __extension__({                                                 \
    register uint64_t x0_ __asm__("x0") = 0x5eed;                 \
    last_syndrome = 0;                                            \
    __asm__ volatile(instruction : "+r"(x0_) : : "x1", "memory"); \
    x0_;                                                          \
  })

static void shows(const char* what, uint64_t value) {
  if (last_syndrome != 0) {
    print("  %s: exception class 0x%02lx, syndrome 0x%lx\n", what, last_syndrome >> 26,
          last_syndrome & 0x1ffffff);
  } else {
    print("  %s: 0x%lx\n", what, value);
  }
}

static void is_undefined(const char* what, uint64_t value) {
  shows(what, value);
  check_equal(what, last_syndrome >> 26, EC_UNKNOWN);
  check_equal(what, value, 0x5eed);
}

static void instructions(void) {
  is_undefined("UDF", EXECUTE(".inst 0"));
  is_undefined("unallocated", EXECUTE(".inst 0xffffffff"));
  is_undefined("LDADD, which Armv8.0 lacks", EXECUTE(".inst 0xf8210022"));
  is_undefined("HLT", EXECUTE("hlt #0"));
  is_undefined("DCPS1", EXECUTE(".inst 0xd4a00001"));
  is_undefined("DRPS", EXECUTE(".inst 0xd6bf03e0"));
}

static void registers(void) {
  is_undefined("MRS S3_0_C4_C8_0", EXECUTE("mrs x0, s3_0_c4_c8_0"));
  is_undefined("MSR S3_3_C6_C6_6", EXECUTE("msr s3_3_c6_c6_6, x0"));
  is_undefined("MRS HCR_EL2", EXECUTE("mrs x0, hcr_el2"));
  is_undefined("MSR VTTBR_EL2", EXECUTE("msr vttbr_el2, x0"));
  is_undefined("MRS SCR_EL3", EXECUTE("mrs x0, scr_el3"));
  is_undefined("MRS ESR_EL12", EXECUTE("mrs x0, s3_5_c5_c2_0"));
  is_undefined("TLBI ALLE2", EXECUTE("tlbi alle2"));
  is_undefined("AT S12E1R", EXECUTE("at s12e1r, x0"));
}

static void exceptions(void) {
  shows("SVC #0x1234", EXECUTE("svc #0x1234"));
  check_equal("SVC: class", last_syndrome >> 26, EC_SVC64);
  check_equal("SVC: immediate", last_syndrome & 0xffff, 0x1234);
  shows("BRK #0x5678", EXECUTE("brk #0x5678"));
  check_equal("BRK: class", last_syndrome >> 26, 0x3c);
  check_equal("BRK: immediate", last_syndrome & 0xffff, 0x5678);
}

// Functions of ranges that belong to nobody here (DEN 0028, 6.1), and none of PSCI.
static void calls(void) {
  static const uint64_t functions[] = {
      0x8300fff0,          // vendor's standard service, 32 bits
      0xc600ff42,          // vendor's hypervisor service
      0x84001234,          // standard service, not PSCI
      0xbf00ff00,          // trusted OS, 32 bits
      0xdeadbeef12345678,  // W0 alone is the function
  };
  for (unsigned n = 0; n < sizeof functions / sizeof functions[0]; ++n) {
    last_syndrome = 0;
    uint64_t by_hvc = hvc(functions[n], 1, 2, 3);
    uint64_t by_smc = smc(functions[n], 1, 2, 3);
    print("  call 0x%lx: 0x%lx by HVC, 0x%lx by SMC\n", functions[n], by_hvc, by_smc);
    check_equal("unknown call by HVC", by_hvc, NOT_SUPPORTED);
    check_equal("unknown call by SMC", by_smc, NOT_SUPPORTED);
    check_equal("unknown call: no exception", last_syndrome, 0);
  }
}

int main(void) {
  print("unknown: what nobody knows\n");
  instructions();
  registers();
  exceptions();
  calls();
  return check_summary("unknown");
}
