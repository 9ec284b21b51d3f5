// What every guest includes: console, checks, the ways to end.
//
// A guest's main returns 0 for success. The runtime then prints nothing more and powers the
// machine off (SBI system reset, shutdown). Every failure (main returning anything else, an
// exception that nobody expects) prints a line that begins with "guest failed:" and asks for a
// reboot, which a guest that is well never does: whoever runs the guest tells the two apart without
// reading text.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/check.h"
#include "common/print.h"
#include "frame.h"
#include "sbi.h"

#define READ_CSR(name)                                  \
  __extension__({                                       \
    uint64_t value_;                                    \
    __asm__ volatile("csrr %0, " #name : "=r"(value_)); \
    value_;                                             \
  })
#define WRITE_CSR(name, value) \
  __asm__ volatile("csrw " #name ", %0" ::"r"((uint64_t)(value)) : "memory")
#define SET_CSR(name, bits) \
  __asm__ volatile("csrs " #name ", %0" ::"r"((uint64_t)(bits)) : "memory")
#define CLEAR_CSR(name, bits) \
  __asm__ volatile("csrc " #name ", %0" ::"r"((uint64_t)(bits)) : "memory")

// The `virt` memory map.
#define RAM_BASE 0x80000000UL
#define UART_BASE 0x10000000UL    // a 16550A
#define VIRTIO_BASE 0x10001000UL  // 8 slots
#define VIRTIO_SLOT 0x1000UL

static inline void memory_barrier(void) { __asm__ volatile("fence iorw, iorw" ::: "memory"); }

// The hart that executes this.
static inline uint64_t this_hart(void) {
  uint64_t hart;
  __asm__("mv %0, tp" : "=r"(hart));
  return hart;
}

// Ends the machine as described above.
_Noreturn void guest_exit(int status);

// Starts hart `cpu` in function(argument), on `stack` (`size` bytes, 16-byte aligned), in S-mode
// with translation off; it is stopped when the function returns. Answers what SBI hart_start
// answered.
int64_t start_cpu(uint64_t cpu, void* stack, size_t size, void (*function)(uint64_t),
                  uint64_t argument);
