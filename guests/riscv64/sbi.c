// Calls to the layer above: every extension's way to answer, and what nobody implements.

#include "runtime/guest.h"

#define UNKNOWN 0x0a000042UL  // firmware-specific, and nobody's here

static int64_t error_of(uint64_t extension, uint64_t function) {
  return sbi_call(extension, function, 0, 0, 0, 0, 0).error;
}

static void base(void) {
  struct sbi_result version = sbi_call(SBI_BASE, GET_SPEC_VERSION, 0, 0, 0, 0, 0);
  check_equal("get_spec_version", (uint64_t)version.error, SBI_SUCCESS);
  print("sbi: version %lu.%lu\n", version.value >> 24 & 0x7f, version.value & 0xffffff);
  check("it is 1.0 or later", version.value >> 24 != 0);
  for (uint64_t function = GET_IMPL_ID; function <= GET_MIMPID; ++function) {
    check_equal("a function of the base extension", (uint64_t)error_of(SBI_BASE, function),
                SBI_SUCCESS);
  }
  static const uint64_t there[] = {SBI_BASE, SBI_TIME, SBI_IPI, SBI_RFENCE, SBI_HSM, SBI_SRST};
  for (unsigned n = 0; n < sizeof there / sizeof there[0]; ++n) {
    check("an extension that is there", sbi_probe(there[n]) != 0);
  }
  check_equal("one that is not", sbi_probe(UNKNOWN), 0);
}

static void unknown(void) {
  static const uint64_t extensions[] = {SBI_BASE, SBI_TIME, SBI_IPI, SBI_RFENCE, SBI_HSM};
  for (unsigned n = 0; n < sizeof extensions / sizeof extensions[0]; ++n) {
    check_equal("an unknown function", (uint64_t)error_of(extensions[n], 0x77),
                (uint64_t)SBI_NOT_SUPPORTED);
  }
  check_equal("an unknown extension", (uint64_t)error_of(UNKNOWN, 0), (uint64_t)SBI_NOT_SUPPORTED);
  check_equal("a reset of no known type",
              (uint64_t)sbi_call(SBI_SRST, SYSTEM_RESET, 0x77, 0, 0, 0, 0).error,
              (uint64_t)SBI_INVALID_PARAM);
}

// All registers but a0 and a1 belong to the caller.
static void preserved_registers(void) {
  uint64_t changed;
  __asm__ volatile(
      ".irp n, ra,gp,t0,t1,t2,t3,t4,t5,t6,s1,s2,s3,s4,s5,s6,s7,s8,s9,s10,s11,a2,a3,a4,a5\n\t"
      "li \\n, 0x100\n\t"
      ".endr\n\t"
      "li a0, 0\n\tli a1, 0\n\tli a6, 0\n\tli a7, 0x10\n\t"
      "ecall\n\t"
      "li a0, 0\n\t"
      ".irp n, ra,gp,t0,t1,t2,t3,t4,t5,t6,s1,s2,s3,s4,s5,s6,s7,s8,s9,s10,s11,a2,a3,a4,a5\n\t"
      "xori \\n, \\n, 0x100\n\t"
      "or a0, a0, \\n\n\t"
      ".endr\n\t"
      "or a0, a0, a6\n\t"
      "xori a7, a7, 0x10\n\t"
      "or %0, a0, a7"
      : "=r"(changed)
      :
      : "ra", "t0", "t1", "t2", "t3", "t4", "t5", "t6", "s1", "s2", "s3", "s4", "s5", "s6", "s7",
        "s8", "s9", "s10", "s11", "a0", "a1", "a2", "a3", "a4", "a5", "a6", "a7", "memory");
  check_equal("registers that a call preserves", changed, 0);
}

static void loop(void) {
  uint64_t first = sbi_call(SBI_BASE, GET_SPEC_VERSION, 0, 0, 0, 0, 0).value;
  unsigned different = 0;
  for (unsigned n = 0; n < 100; ++n) {
    if (sbi_call(SBI_BASE, GET_SPEC_VERSION, n, n, n, n, n).value != first) ++different;
  }
  check_equal("answers that differ in 100 calls", different, 0);
}

static void console(void) {
  if (sbi_probe(SBI_DBCN) == 0) {
    print("sbi: no debug console\n");
    return;
  }
  static const char text[] = "sbi: written by the debug console\r\n";
  struct sbi_result done =
      sbi_call(SBI_DBCN, CONSOLE_WRITE, sizeof text - 1, (uint64_t)text, 0, 0, 0);
  check_equal("console_write", (uint64_t)done.error, SBI_SUCCESS);
  check_equal("bytes written", done.value, sizeof text - 1);
  check_equal("console_write_byte",
              (uint64_t)sbi_call(SBI_DBCN, CONSOLE_WRITE_BYTE, '\n', 0, 0, 0, 0).error,
              SBI_SUCCESS);
  check_equal("console_write of what is no memory",
              (uint64_t)sbi_call(SBI_DBCN, CONSOLE_WRITE, 16, 0x1000, 0, 0, 0).error,
              (uint64_t)SBI_INVALID_PARAM);
  check_equal("console_write across the end of memory",
              (uint64_t)sbi_call(SBI_DBCN, CONSOLE_WRITE, ~0UL >> 1, RAM_BASE, 0, 0, 0).error,
              (uint64_t)SBI_INVALID_PARAM);
}

int main(void) {
  base();
  unknown();
  preserved_registers();
  loop();
  console();
  return check_summary("sbi");
}
