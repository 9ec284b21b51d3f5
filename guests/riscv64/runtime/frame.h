// Layout of the frame that a trap leaves on the stack of S-mode, for C and assembly.
#pragma once

#define FRAME_SEPC 256
#define FRAME_SSTATUS 264
#define FRAME_SCAUSE 272
#define FRAME_STVAL 280
#define FRAME_SIZE 288

#ifndef __ASSEMBLER__
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct trap_frame {
  uint64_t x[32];  // x[0] is not used
  uint64_t sepc;
  uint64_t sstatus;
  uint64_t scause;
  uint64_t stval;
};
_Static_assert(offsetof(struct trap_frame, sepc) == FRAME_SEPC, "frame.h");
_Static_assert(offsetof(struct trap_frame, stval) == FRAME_STVAL, "frame.h");
_Static_assert(sizeof(struct trap_frame) == FRAME_SIZE, "frame.h");

// Exception codes (scause) that the guests meet (Privileged ISA, table of scause values).
enum {
  MISALIGNED_FETCH = 0,
  FETCH_ACCESS_FAULT = 1,
  ILLEGAL_INSTRUCTION = 2,
  BREAKPOINT = 3,
  MISALIGNED_LOAD = 4,
  LOAD_ACCESS_FAULT = 5,
  MISALIGNED_STORE = 6,
  STORE_ACCESS_FAULT = 7,
  CALL_FROM_U = 8,
  FETCH_PAGE_FAULT = 12,
  LOAD_PAGE_FAULT = 13,
  STORE_PAGE_FAULT = 15,
};

#define SSTATUS_SIE (1UL << 1)
#define SSTATUS_SPIE (1UL << 5)
#define SSTATUS_SPP (1UL << 8)
#define SSTATUS_FS (3UL << 13)
#define SSTATUS_SUM (1UL << 18)
#define SSTATUS_MXR (1UL << 19)
#define SSTATUS_SD (1UL << 63)

// A guest that expects exceptions defines this: true when it dealt with the exception and the frame
// says where to continue. The runtime's own (weak) definition expects none.
bool guest_exception(struct trap_frame* frame);
// The same for interrupts: `code` is scause without its highest bit.
bool guest_interrupt(uint64_t code);
#endif
