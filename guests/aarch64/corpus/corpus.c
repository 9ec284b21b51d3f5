// The corpus: every way to trap to EL2 that table.py knows, one after the other, for the trace to
// be compared with another implementation's. The guest itself judges nothing.

#include "../runtime/guest.h"
#include "../runtime/mmu.h"

#define BLOCK_SIZE 0x200000UL
#define KERNEL 0x40000000UL
// Above what can be addressed, each address of the first 2 GiB again, executable and not EL0's.
#define ALIAS 2
#define HIGH 0xffff000000000000UL
#define HOLES 0x42000000UL
#define NOTHING 0x0a100000UL

enum { UART_CR = 0x030, UART_ON = 0x301 };  // Arm DDI 0183, 3.3.8: UARTEN, TXE, RXE

void corpus(void);
extern const uint32_t corpus_cases;

static page_table root, memory;
static page_table tables[4];

// What was called and could not be fetched returns at once; other instructions are skipped.
bool guest_exception(struct exception_frame* frame) {
  switch (exception_class(frame)) {
    case EC_INSTRUCTION_ABORT_SAME: frame->elr = frame->x[30]; return true;
    case EC_DATA_ABORT_SAME:
    case EC_UNKNOWN: frame->elr += 4; return true;
    default: return false;
  }
}

// The address that a walk by TTBR1_EL1 gets to the table of `level` for: in untouched memory, where
// nothing is, or in a device. `n` tells cases apart.
uint64_t corpus_walk(uint64_t kind, unsigned level, uint64_t n) {
  const uint64_t holes[] = {HOLES + (level * 8 + n) * PAGE_SIZE, NOTHING, UART_BASE};
  for (unsigned at = 0; at < level; ++at) {
    uint64_t next = at + 1 == level ? holes[kind] : (uint64_t)tables[at + 1];
    tables[at][0] = next | PTE_TABLE | PTE_VALID;
  }
  publish_tables();
  WRITE_SYSREG(ttbr1_el1, level == 0 ? holes[kind] : (uint64_t)tables[0]);
  __asm__ volatile("isb");
  invalidate_all();
  return HIGH + 0x40;
}

// Memory and devices may be accessed as if by EL0 (LDTR), but for the 2 MiB of this image.
static void map(void) {
  root[0] = PTE_IO | PTE_USER;
  root[1] = (uint64_t)memory | PTE_TABLE | PTE_VALID;
  root[ALIAS] = PTE_RAM | PTE_UXN;
  root[ALIAS + 1] = KERNEL | PTE_RAM | PTE_UXN;
  for (unsigned n = 0; n < TABLE_ENTRIES; ++n) {
    memory[n] = (KERNEL + n * BLOCK_SIZE) | PTE_RAM | PTE_UXN | (n == 0 ? 0 : PTE_USER);
  }
  forget_cached_image();
  publish_tables();
  mmu_enable(root, 1);
  // TTBR1_EL1: T1SZ 16, so that level 0 is its root; write-back walks, inner shareable, 4 KiB.
  WRITE_SYSREG(tcr_el1, (READ_SYSREG(tcr_el1) & ~(1UL << 23)) | 16UL << 16 | 1UL << 24 | 1UL << 26 |
                            3UL << 28 | 2UL << 30);
  __asm__ volatile("isb");
  invalidate_all();
}

int main(void) {
  map();
  WRITE_SYSREG(cpacr_el1, 3UL << 20);
  __asm__ volatile("isb");
  corpus();
  *(volatile uint32_t*)(UART_BASE + UART_CR) = UART_ON;  // stores have switched it off
  print("corpus: %u cases\n", corpus_cases);
  return check_summary("corpus");
}
