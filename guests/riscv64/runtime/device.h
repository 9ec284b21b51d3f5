// Devices that hold what is written to them, for loads and stores of every kind.
#pragma once

#include "guest.h"

// Registers of the 16550A, of a byte each. Any wider access is one of the register at its address.
#define MODEM_CONTROL (UART_BASE + 4)  // 5 bits
#define SCRATCH (UART_BASE + 7)

// A block of flash (JESD68.01), for accesses of any width. What is written is a command, or data to
// be programmed after one: that can only clear bits.
#define FLASH 0x20000000UL

static inline void flash_command(uint8_t command) { *(volatile uint8_t*)FLASH = command; }
static inline void flash_read_array(void) { flash_command(0xff); }
// All ones, and readable.
static inline void flash_erase(void) {
  flash_command(0x20);
  flash_command(0xd0);
  flash_read_array();
}
// The next store is data.
static inline void flash_program(void) { flash_command(0x40); }

// What an instruction such as "lb" loads from `address` into a register that held all ones.
#define LOAD(instruction, address)              \
  __extension__({                               \
    uint64_t value_ = ~0UL;                     \
    __asm__ volatile(instruction " %0, 0(%1)"   \
                     : "+r"(value_)             \
                     : "r"((uint64_t)(address)) \
                     : "memory");               \
    value_;                                     \
  })
#define STORE(instruction, address, value)                                                     \
  __asm__ volatile(instruction " %0, 0(%1)" ::"r"((uint64_t)(value)), "r"((uint64_t)(address)) \
                   : "memory")
// Erases, executes stores to flash that are to be data, and lets it be read.
#define PROGRAM(stores) \
  do {                  \
    flash_erase();      \
    flash_program();    \
    stores;             \
    flash_read_array(); \
  } while (0)
