// The corpus: every way to trap to HS-mode that table.py knows, one after the other, for the trace
// to be looked through. The guest itself judges nothing.

#include "runtime/device.h"
#include "runtime/guest.h"
#include "runtime/instruction.h"
#include "runtime/interrupts.h"
#include "runtime/mmu.h"

#define WALKED 0xc0000000UL  // root[3]
#define HOLES (RAM_BASE + 0x2000000UL)
#define NOTHING 0x0a100000UL

void corpus(void);
extern const uint32_t corpus_cases;

static page_table root, table;

// What was called and could not be fetched or executed returns at once; other instructions are
// skipped.
bool guest_exception(struct trap_frame* frame) {
  extern const char image_start[], image_end[];
  const bool in_image = frame->sepc >= (uint64_t)image_start && frame->sepc < (uint64_t)image_end;
  frame->sepc = in_image ? frame->sepc + instruction_length(frame->sepc) : frame->x[1];
  return true;
}

bool guest_interrupt(uint64_t code) {
  set_timer(NEVER);
  return code == TIMER_INTERRUPT;
}

// The address that a walk gets to the table of `level` for: in untouched memory, where nothing is,
// or in a device. `n` tells cases apart.
uint64_t corpus_walk(uint64_t kind, unsigned level, uint64_t n) {
  const uint64_t holes[] = {HOLES + (level * 8 + n) * PAGE_SIZE, NOTHING, FLASH + 0x1000};
  root[3] = pte((void*)holes[kind], PTE_VALID);
  if (level == 0) {
    table[0] = root[3];
    root[3] = pte(table, PTE_VALID);
  }
  invalidate_all();
  return WALKED + 0x40;
}

// What is there may all be executed.
int main(void) {
  map_flat(root);
  root[0] |= PTE_EXECUTE;
  mmu_enable(root, 1);
  SET_CSR(sstatus, SSTATUS_FS);
  set_timer(NEVER);
  enable_interrupt(TIMER_INTERRUPT);
  corpus();
  print("corpus: %u cases\n", corpus_cases);
  return check_summary("corpus");
}
