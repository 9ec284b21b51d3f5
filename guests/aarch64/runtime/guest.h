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

#include "frame.h"
#include "psci.h"

#define READ_SYSREG(name)                              \
  __extension__({                                      \
    uint64_t value_;                                   \
    __asm__ volatile("mrs %0, " #name : "=r"(value_)); \
    value_;                                            \
  })
#define WRITE_SYSREG(name, value) __asm__ volatile("msr " #name ", %0" ::"r"((uint64_t)(value)))

// PL011 of the `virt` memory map.
#define UART_BASE 0x09000000UL

// Formatted output to the console. Conversions: %s %c %d %u %x %ld %lu %lx %%, with a width and a
// leading 0 for numbers. A newline is sent as CR LF.
__attribute__((format(printf, 1, 2))) void print(const char* format, ...);

// Counts and prints a check that does not hold; prints nothing when it holds.
void check_equal(const char* what, uint64_t actual, uint64_t expected);
void check(const char* what, bool holds);
// Prints "<name>: PASS" or "<name>: FAIL"; the value is for main to return.
int check_summary(const char* name);

// Ends the machine as described above.
_Noreturn void guest_exit(int status);

// Starts the CPU whose MPIDR_EL1 affinity is `target` in function(argument), on `stack` (`size`
// bytes, 16-byte aligned), at EL1 with the MMU off; it is switched off when the function returns.
// Answers what PSCI CPU_ON answered.
int64_t start_cpu(uint64_t target, void* stack, size_t size, void (*function)(uint64_t),
                  uint64_t argument);
