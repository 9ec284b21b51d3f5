// Demand paging as operating systems do it: two address spaces with ASIDs of their own, programs in
// U-mode whose pages appear when they are touched, read-only first and writable when written, pages
// that are taken away again one by one and all at once (SFENCE.VMA by address and by ASID).

#include "runtime/guest.h"
#include "runtime/mmu.h"
#include "user.h"

#define USER_CODE 0xc0000000UL
#define USER_STACK 0xc0001000UL
#define USER_DATA 0xc0100000UL
#define PAGES 64UL

struct address_space {
  page_table root;
  page_table directory;
  page_table pages;
  page_table frames[PAGES];
  page_table stack;
  uint64_t asid;
  unsigned code_faults;
  unsigned read_faults;
  unsigned write_faults;
};

static _Alignas(4096) struct address_space spaces[2];
static struct address_space* current;

extern const char user_text_start[];
uint64_t enter_user(uint64_t entry, uint64_t stack, uint64_t argument);
_Noreturn void leave_user(uint64_t result);

// In U-mode: every page counts how often it was visited, in steps of its number; the sum is the
// result.
__attribute__((section(".user_text"), noinline)) static void visit_pages(volatile uint64_t* data) {
  uint64_t sum = 0;
  for (uint64_t n = 0; n < PAGES; ++n) {
    data[n * 512] += n + 1;
    sum += data[n * 512];
  }
  register uint64_t a0 __asm__("a0") = sum;
  register uint64_t a7 __asm__("a7") = CALL_EXIT;
  __asm__ volatile("ecall" ::"r"(a0), "r"(a7) : "memory");
}

static uint64_t index_of(uint64_t va) { return va >> 12 & 511; }

static void switch_to(struct address_space* space) {
  current = space;
  WRITE_CSR(satp, 8UL << 60 | space->asid << 44 | (uint64_t)space->root >> 12);
}

// The kernel's mapping is the same in both, and global. Global entries are not the ASIDs'.
static void build(struct address_space* space, uint64_t asid) {
  space->asid = asid;
  map_flat(space->root);
  space->root[0] |= PTE_GLOBAL;
  space->root[2] |= PTE_GLOBAL;
  space->root[3] = pte(space->directory, PTE_VALID);
  space->directory[0] = pte(space->pages, PTE_VALID);
}

static const void* frame_of(const struct address_space* space, uint64_t page) {
  if (page == USER_STACK) return space->stack;
  uint64_t n = (page - USER_DATA) >> 12;
  return n < PAGES ? space->frames[n] : 0;
}

// An entry that was invalid may be in the TLB as such: what made it valid is fenced, too.
static void change(uint64_t page, uint64_t entry) {
  current->pages[index_of(page)] = entry;
  invalidate_page(page, current->asid);
}

static bool code_fault(const struct trap_frame* frame) {
  if ((frame->stval & ~(PAGE_SIZE - 1)) != USER_CODE) return false;
  if (current->pages[index_of(USER_CODE)] != 0) return false;
  ++current->code_faults;
  change(USER_CODE, pte(user_text_start, PTE_LEAF | PTE_USER | PTE_READ | PTE_EXECUTE));
  return true;
}

static bool data_fault(const struct trap_frame* frame) {
  uint64_t page = frame->stval & ~(PAGE_SIZE - 1);
  const void* memory = frame_of(current, page);
  if (memory == 0) return false;
  if (current->pages[index_of(page)] == 0) {
    ++current->read_faults;
    change(page, pte(memory, PTE_LEAF | PTE_USER | PTE_READ));
    return true;
  }
  if (frame->scause != STORE_PAGE_FAULT) return false;
  ++current->write_faults;
  change(page, pte(memory, PTE_DATA | PTE_USER));
  return true;
}

bool guest_exception(struct trap_frame* frame) {
  if ((frame->sstatus & SSTATUS_SPP) != 0) return false;
  switch (frame->scause) {
    case CALL_FROM_U:
      if (frame->x[17] == CALL_EXIT) leave_user(frame->x[10]);
      return false;
    case FETCH_PAGE_FAULT: return code_fault(frame);
    case LOAD_PAGE_FAULT:
    case STORE_PAGE_FAULT: return data_fault(frame);
    default: return false;
  }
}

// `visits`: how often the space's program has run, this time included.
static void run(struct address_space* space, uint64_t visits, unsigned reads, unsigned writes) {
  switch_to(space);
  space->code_faults = space->read_faults = space->write_faults = 0;
  uint64_t entry = USER_CODE + ((uint64_t)visit_pages - (uint64_t)user_text_start);
  uint64_t sum = enter_user(entry, USER_STACK + PAGE_SIZE, USER_DATA);
  print("  space %lu: sum %lu, faults: %u code, %u first touch, %u first write\n", space->asid, sum,
        space->code_faults, space->read_faults, space->write_faults);
  check_equal("sum", sum, visits * PAGES * (PAGES + 1) / 2);
  check_equal("first touches", space->read_faults, reads);
  check_equal("first writes", space->write_faults, writes);
}

static void take_every_other_page(struct address_space* space) {
  for (uint64_t n = 0; n < PAGES; n += 2) {
    uint64_t va = USER_DATA + n * PAGE_SIZE;
    space->pages[index_of(va)] = 0;
    invalidate_page(va, space->asid);
  }
}

static void take_everything(struct address_space* space) {
  for (unsigned n = 0; n < TABLE_ENTRIES; ++n) space->pages[n] = 0;
  invalidate_asid(space->asid);
}

int main(void) {
  build(&spaces[0], 1);
  build(&spaces[1], 2);
  mmu_enable(spaces[0].root, 1);
  run(&spaces[0], 1, PAGES, PAGES);
  run(&spaces[1], 1, PAGES, PAGES);
  run(&spaces[0], 2, 0, 0);  // what space 1 has is still there, in the TLB or in the tables
  take_every_other_page(&spaces[0]);
  run(&spaces[1], 2, 0, 0);
  run(&spaces[0], 3, PAGES / 2, PAGES / 2);
  take_everything(&spaces[1]);
  run(&spaces[0], 4, 0, 0);
  run(&spaces[1], 3, PAGES, PAGES);
  check_equal("space 1's code after space 2 lost everything", spaces[0].code_faults, 0);
  return check_summary("demand");
}
