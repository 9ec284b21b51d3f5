// Calls to the layer above: PSCI and a hypercall that nobody implements, by HVC and by SMC.

#include "runtime/guest.h"

// A fast 64-bit call of the range for vendors' hypervisors (DEN 0028, 6.1) that nobody took.
#define UNKNOWN_FUNCTION 0xc600ff42UL
#define NOT_SUPPORTED_64 (~0UL)

typedef uint64_t conduit(uint64_t function, uint64_t a1, uint64_t a2, uint64_t a3);

static void version(const char* name, conduit* call) {
  uint64_t version = call(PSCI_VERSION, 0, 0, 0);
  print("hvc: PSCI %lu.%lu by %s\n", version >> 16, version & 0xffff, name);
  check("PSCI is 1.0 or later 1.x", version >> 16 == 1);
}

static void features(void) {
  check_equal("FEATURES(VERSION)", (uint64_t)psci_features(PSCI_VERSION), PSCI_SUCCESS);
  check_equal("FEATURES(CPU_ON)", (uint64_t)psci_features(PSCI_CPU_ON_64), PSCI_SUCCESS);
  check_equal("FEATURES(SYSTEM_OFF)", (uint64_t)psci_features(PSCI_SYSTEM_OFF), PSCI_SUCCESS);
  check_equal("FEATURES(FEATURES)", (uint64_t)psci_features(PSCI_FEATURES), PSCI_SUCCESS);
  check_equal("FEATURES(unknown)", (uint64_t)(int64_t)psci_features(0x8400001f),
              (uint64_t)PSCI_NOT_SUPPORTED);
}

// X18..X30 belong to the caller (DEN 0028, 2.6): a call leaves them as they were.
static void preserved_registers(void) {
  uint64_t changed;
  __asm__ volatile(
      "mov x19, #0x1900\n\tmov x20, #0x2000\n\tmov x21, #0x2100\n\tmov x22, #0x2200\n\t"
      "mov x0, #0x84000000\n\t"
      "hvc #0\n\t"
      "mov x1, #0x1900\n\teor %0, x19, x1\n\t"
      "mov x1, #0x2000\n\teor x20, x20, x1\n\torr %0, %0, x20\n\t"
      "mov x1, #0x2100\n\teor x21, x21, x1\n\torr %0, %0, x21\n\t"
      "mov x1, #0x2200\n\teor x22, x22, x1\n\torr %0, %0, x22"
      : "=&r"(changed)
      :
      : "x0", "x1", "x2", "x3", "x4", "x5", "x6", "x7", "x8", "x9", "x10", "x11", "x12", "x13",
        "x14", "x15", "x16", "x17", "x19", "x20", "x21", "x22", "memory");
  check_equal("registers that a call preserves", changed, 0);
}

static void loop(void) {
  uint64_t first = hvc(PSCI_VERSION, 0, 0, 0);
  unsigned different = 0;
  for (unsigned n = 0; n < 100; ++n) {
    if (hvc(PSCI_VERSION, n, n, n) != first) ++different;
  }
  check_equal("answers that differ in 100 calls", different, 0);
}

int main(void) {
  version("HVC", hvc);
  version("SMC", smc);
  features();
  preserved_registers();
  loop();
  check_equal("unknown function by HVC", hvc(UNKNOWN_FUNCTION, 1, 2, 3), NOT_SUPPORTED_64);
  check_equal("unknown function by SMC", smc(UNKNOWN_FUNCTION, 1, 2, 3), NOT_SUPPORTED_64);
  return check_summary("hvc");
}
