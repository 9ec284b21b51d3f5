// Demand paging as operating systems do it: two address spaces with ASIDs of their own, programs at
// EL0 whose pages appear when they are touched, read-only first and writable when written, pages
// that are taken away again one by one (TLBI VAE1) and all at once (TLBI ASIDE1).

#include "runtime/guest.h"
#include "runtime/mmu.h"
#include "user.h"

#define USER_CODE 0x80000000UL
#define USER_STACK 0x80001000UL
#define USER_DATA 0x80100000UL
#define PAGES 64UL

#define USER_PAGE (PTE_RAM | PTE_PAGE | PTE_USER | PTE_NOT_GLOBAL | PTE_PXN)

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

// At EL0: every page counts how often it was visited, in steps of its number; the sum is the
// result.
__attribute__((section(".user_text"), noinline)) static void visit_pages(volatile uint64_t* data) {
  uint64_t sum = 0;
  for (uint64_t n = 0; n < PAGES; ++n) {
    data[n * 512] += n + 1;
    sum += data[n * 512];
  }
  register uint64_t x0 __asm__("x0") = sum;
  __asm__ volatile("svc %0" ::"i"(SVC_EXIT), "r"(x0) : "memory");
}

static uint64_t index_of(uint64_t va) { return va >> 12 & 511; }

static void switch_to(struct address_space* space) {
  current = space;
  WRITE_SYSREG(ttbr0_el1, (uint64_t)space->root | space->asid << 48);
  __asm__ volatile("isb" ::: "memory");
}

// On this CPU only: TLBI VAE1 and ASIDE1, not their Inner Shareable forms.
static void invalidate_page_here(uint64_t va, uint64_t asid) {
  uint64_t operand = (va >> 12 & 0xfffffffffffUL) | asid << 48;
  __asm__ volatile("dsb nshst\n\ttlbi vae1, %0\n\tdsb nsh\n\tisb" ::"r"(operand) : "memory");
}
static void invalidate_asid_here(uint64_t asid) {
  __asm__ volatile("dsb nshst\n\ttlbi aside1, %0\n\tdsb nsh\n\tisb" ::"r"(asid << 48) : "memory");
}

static void build(struct address_space* space, uint64_t asid) {
  space->asid = asid;
  map_flat(space->root);
  space->root[1] |= PTE_UXN;
  space->root[2] = (uint64_t)space->directory | PTE_VALID | PTE_TABLE;
  space->directory[0] = (uint64_t)space->pages | PTE_VALID | PTE_TABLE;
}

static uint64_t frame_of(struct address_space* space, uint64_t page) {
  if (page == USER_STACK) return (uint64_t)space->stack;
  uint64_t n = (page - USER_DATA) >> 12;
  return n < PAGES ? (uint64_t)space->frames[n] : 0;
}

static bool code_fault(struct exception_frame* frame) {
  if ((frame->far & ~(PAGE_SIZE - 1)) != USER_CODE || (frame->esr & 0x3f) != 0x07) return false;
  ++current->code_faults;
  current->pages[index_of(USER_CODE)] = (uint64_t)user_text_start | USER_PAGE | PTE_READ_ONLY;
  publish_tables();
  return true;
}

static bool data_fault(struct exception_frame* frame) {
  uint64_t page = frame->far & ~(PAGE_SIZE - 1);
  uint64_t memory = frame_of(current, page);
  uint64_t* entry = &current->pages[index_of(page)];
  if (memory == 0) return false;
  switch (frame->esr & 0x3f) {
    case 0x07:  // translation fault, level 3
      ++current->read_faults;
      *entry = memory | USER_PAGE | PTE_UXN | PTE_READ_ONLY;
      publish_tables();
      return true;
    case 0x0f:  // permission fault, level 3
      if ((frame->esr >> 6 & 1) == 0) return false;
      ++current->write_faults;
      *entry &= ~PTE_READ_ONLY;
      invalidate_page_here(page, current->asid);
      return true;
    default: return false;
  }
}

bool guest_exception(struct exception_frame* frame) {
  switch (exception_class(frame)) {
    case EC_SVC64:
      if ((frame->esr & 0xffff) == SVC_EXIT) leave_user(frame->x[0]);
      return false;
    case EC_INSTRUCTION_ABORT_LOWER: return code_fault(frame);
    case EC_DATA_ABORT_LOWER: return data_fault(frame);
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
    invalidate_page_here(va, space->asid);
  }
}

static void take_everything(struct address_space* space) {
  for (unsigned n = 0; n < TABLE_ENTRIES; ++n) space->pages[n] = 0;
  invalidate_asid_here(space->asid);
}

int main(void) {
  build(&spaces[0], 1);
  build(&spaces[1], 2);
  forget_cached_image();
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
