// Power State Coordination Interface (Arm DEN 0022) and SMC Calling Convention (DEN 0028).
#pragma once

#include <stdint.h>

enum {
  PSCI_VERSION = 0x84000000,
  PSCI_CPU_OFF = 0x84000002,
  PSCI_SYSTEM_OFF = 0x84000008,
  PSCI_SYSTEM_RESET = 0x84000009,
  PSCI_FEATURES = 0x8400000a,
};
#define PSCI_CPU_ON_64 0xc4000003U
#define PSCI_AFFINITY_INFO_64 0xc4000004U

enum {
  PSCI_SUCCESS = 0,
  PSCI_NOT_SUPPORTED = -1,
  PSCI_INVALID_PARAMETERS = -2,
  PSCI_ALREADY_ON = -4,
};

enum { AFFINITY_ON = 0, AFFINITY_OFF = 1, AFFINITY_ON_PENDING = 2 };

#define SMCCC_CALL_(instruction)                                                                   \
  register uint64_t x0 __asm__("x0") = function;                                                   \
  register uint64_t x1 __asm__("x1") = a1;                                                         \
  register uint64_t x2 __asm__("x2") = a2;                                                         \
  register uint64_t x3 __asm__("x3") = a3;                                                         \
  __asm__ volatile(instruction " #0"                                                               \
                   : "+r"(x0), "+r"(x1), "+r"(x2), "+r"(x3)                                        \
                   :                                                                               \
                   : "x4", "x5", "x6", "x7", "x8", "x9", "x10", "x11", "x12", "x13", "x14", "x15", \
                     "x16", "x17", "memory");                                                      \
  return x0

static inline uint64_t hvc(uint64_t function, uint64_t a1, uint64_t a2, uint64_t a3) {
  SMCCC_CALL_("hvc");
}
static inline uint64_t smc(uint64_t function, uint64_t a1, uint64_t a2, uint64_t a3) {
  SMCCC_CALL_("smc");
}

// Status codes are 32 bits wide; calls by 64-bit convention sign-extend them.
static inline int32_t psci_features(uint32_t function) {
  return (int32_t)hvc(PSCI_FEATURES, function, 0, 0);
}
static inline int64_t psci_affinity_info(uint64_t target) {
  return (int64_t)hvc(PSCI_AFFINITY_INFO_64, target, 0, 0);
}
_Noreturn void psci_system_off(void);
_Noreturn void psci_system_reset(void);
_Noreturn void psci_cpu_off(void);
