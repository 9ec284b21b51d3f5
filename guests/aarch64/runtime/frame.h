// Layout of the frame that an exception leaves on the stack of EL1, for C and assembly.
#pragma once

#define FRAME_X30 240
#define FRAME_SPSR 256
#define FRAME_FAR 272
#define FRAME_SIZE 288

#ifndef __ASSEMBLER__
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct exception_frame {
  uint64_t x[31];
  uint64_t elr;
  uint64_t spsr;
  uint64_t esr;
  uint64_t far;
  uint64_t reserved;
};
_Static_assert(offsetof(struct exception_frame, x[30]) == FRAME_X30, "frame.h");
_Static_assert(offsetof(struct exception_frame, spsr) == FRAME_SPSR, "frame.h");
_Static_assert(offsetof(struct exception_frame, far) == FRAME_FAR, "frame.h");
_Static_assert(sizeof(struct exception_frame) == FRAME_SIZE, "frame.h");

// Exception classes (ESR_EL1.EC) that the guests meet (DDI 0487, D24.2.40).
enum {
  EC_UNKNOWN = 0x00,
  EC_SVC64 = 0x15,
  EC_INSTRUCTION_ABORT_LOWER = 0x20,
  EC_INSTRUCTION_ABORT_SAME = 0x21,
  EC_DATA_ABORT_LOWER = 0x24,
  EC_DATA_ABORT_SAME = 0x25,
};

static inline unsigned exception_class(const struct exception_frame* frame) {
  return (unsigned)(frame->esr >> 26) & 0x3f;
}

// A guest that expects exceptions defines this: true when it dealt with the synchronous exception
// and the frame says where to continue. The runtime's own (weak) definition expects none.
bool guest_exception(struct exception_frame* frame);
// The same for IRQs.
bool guest_interrupt(void);
#endif
