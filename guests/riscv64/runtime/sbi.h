// Supervisor Binary Interface 2.0.
#pragma once

#include <stdint.h>

#define SBI_BASE 0x10UL
#define SBI_TIME 0x54494d45UL
#define SBI_IPI 0x735049UL
#define SBI_RFENCE 0x52464e43UL
#define SBI_HSM 0x48534dUL
#define SBI_SRST 0x53525354UL
#define SBI_DBCN 0x4442434eUL
#define SBI_PMU 0x504d55UL

enum {  // of SBI_BASE
  GET_SPEC_VERSION = 0,
  GET_IMPL_ID = 1,
  GET_IMPL_VERSION = 2,
  PROBE_EXTENSION = 3,
  GET_MVENDORID = 4,
  GET_MARCHID = 5,
  GET_MIMPID = 6,
};
enum { SET_TIMER = 0 };                                                          // of SBI_TIME
enum { SEND_IPI = 0 };                                                           // of SBI_IPI
enum { REMOTE_FENCE_I = 0, REMOTE_SFENCE_VMA = 1, REMOTE_SFENCE_VMA_ASID = 2 };  // of SBI_RFENCE
enum { HART_START = 0, HART_STOP = 1, HART_GET_STATUS = 2, HART_SUSPEND = 3 };   // of SBI_HSM
enum { SYSTEM_RESET = 0, SHUTDOWN = 0, COLD_REBOOT = 1, SYSTEM_FAILURE = 1 };    // of SBI_SRST

enum { CONSOLE_WRITE = 0, CONSOLE_READ = 1, CONSOLE_WRITE_BYTE = 2 };  // of SBI_DBCN

enum {  // of SBI_PMU
  NUM_COUNTERS = 0,
  COUNTER_GET_INFO = 1,
  COUNTER_CONFIG_MATCHING = 2,
  COUNTER_START = 3,
  COUNTER_STOP = 4,
  COUNTER_FW_READ = 5,
};
enum { CONFIG_CLEAR_VALUE = 2, CONFIG_AUTO_START = 4, START_SET_INIT_VALUE = 1, STOP_RESET = 1 };

enum { HART_STARTED = 0, HART_STOPPED = 1, HART_START_PENDING = 2 };

enum {
  SBI_SUCCESS = 0,
  SBI_NOT_SUPPORTED = -2,
  SBI_INVALID_PARAM = -3,
  SBI_INVALID_ADDRESS = -5,
  SBI_ALREADY_AVAILABLE = -6,
};

struct sbi_result {
  int64_t error;
  uint64_t value;
};

static inline struct sbi_result sbi_call(uint64_t extension, uint64_t function, uint64_t arg0,
                                         uint64_t arg1, uint64_t arg2, uint64_t arg3,
                                         uint64_t arg4) {
  register uint64_t a0 __asm__("a0") = arg0;
  register uint64_t a1 __asm__("a1") = arg1;
  register uint64_t a2 __asm__("a2") = arg2;
  register uint64_t a3 __asm__("a3") = arg3;
  register uint64_t a4 __asm__("a4") = arg4;
  register uint64_t a6 __asm__("a6") = function;
  register uint64_t a7 __asm__("a7") = extension;
  __asm__ volatile("ecall"
                   : "+r"(a0), "+r"(a1)
                   : "r"(a2), "r"(a3), "r"(a4), "r"(a6), "r"(a7)
                   : "memory");
  return (struct sbi_result){(int64_t)a0, a1};
}

static inline uint64_t sbi_probe(uint64_t extension) {
  return sbi_call(SBI_BASE, PROBE_EXTENSION, extension, 0, 0, 0, 0).value;
}
// At the time `due`, in ticks of the time CSR.
static inline void sbi_set_timer(uint64_t due) { sbi_call(SBI_TIME, SET_TIMER, due, 0, 0, 0, 0); }
// To each hart whose bit is set.
static inline int64_t sbi_send_ipi(uint64_t harts) {
  return sbi_call(SBI_IPI, SEND_IPI, harts, 0, 0, 0, 0).error;
}
// HART_STARTED, HART_STOPPED, …, or an error below 0.
static inline int64_t sbi_hart_status(uint64_t hart) {
  struct sbi_result result = sbi_call(SBI_HSM, HART_GET_STATUS, hart, 0, 0, 0, 0);
  return result.error != SBI_SUCCESS ? result.error : (int64_t)result.value;
}
_Noreturn void sbi_shutdown(void);
_Noreturn void sbi_reboot(void);
_Noreturn void sbi_hart_stop(void);
