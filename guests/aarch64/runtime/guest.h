// What every guest includes: console, checks, the ways to end.
//
// A guest's main returns 0 for success. The runtime then prints nothing more and powers the
// machine off (PSCI SYSTEM_OFF). Every failure (main returning anything else, an exception that
// nobody expects) prints a line that begins with "guest failed:" and asks for SYSTEM_RESET, which a
// guest that is well never does: whoever runs the guest tells the two apart without reading text.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/check.h"
#include "common/print.h"
#include "frame.h"
#include "psci.h"

#define READ_SYSREG(name)                              \
  __extension__({                                      \
    uint64_t value_;                                   \
    __asm__ volatile("mrs %0, " #name : "=r"(value_)); \
    value_;                                            \
  })
#define WRITE_SYSREG(name, value) __asm__ volatile("msr " #name ", %0" ::"r"((uint64_t)(value)))

// The `virt` memory map.
#define RAM_BASE 0x40000000UL
#define UART_BASE 0x09000000UL    // a PL011
#define VIRTIO_BASE 0x0a000000UL  // 32 slots
#define VIRTIO_SLOT 0x200UL

static inline void memory_barrier(void) { __asm__ volatile("dmb sy" ::: "memory"); }

// Ends the machine as described above.
_Noreturn void guest_exit(int status);

// Starts the CPU whose MPIDR_EL1 affinity is `target` in function(argument), on `stack` (`size`
// bytes, 16-byte aligned), at EL1 with the MMU off; it is switched off when the function returns.
// Answers what PSCI CPU_ON answered.
int64_t start_cpu(uint64_t target, void* stack, size_t size, void (*function)(uint64_t),
                  uint64_t argument);
