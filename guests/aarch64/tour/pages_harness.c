// Exercise 4 of docs/tour: calls give, protect and take, and looks at what the TLB has forgotten.
// Whether it has forgotten a page shows without a look into the TLB: the page's entry was changed
// beforehand, behind the TLB's back. As long as loads find the old frame, it is remembered.

#include "pages.h"

#define SUBJECT 0xc0000000UL
#define NEIGHBOUR (SUBJECT + PAGE_SIZE)
#define GLOBAL (SUBJECT + 2 * PAGE_SIZE)

#define PAGE (PTE_RAM | PTE_PAGE | PTE_PXN | PTE_UXN)

enum { OLD = 0x01d, NEW = 0x4e3 };

struct address_space {
  page_table root;
  page_table directory;
  page_table pages;
};

static struct address_space spaces[2];  // of ASID 1 and 2
static page_table old_frame, new_frame, subject_frame;
static bool faulted;

bool guest_exception(struct exception_frame* frame) {
  if (exception_class(frame) != EC_DATA_ABORT_SAME) return false;
  faulted = true;
  frame->elr += 4;
  return true;
}

static void switch_to(uint64_t asid) {
  WRITE_SYSREG(ttbr0_el1, (uint64_t)spaces[asid - 1].root | asid << 48);
  __asm__ volatile("isb" ::: "memory");
}

static uint64_t* entry_of(uint64_t asid, uint64_t va) {
  return &spaces[asid - 1].pages[va >> 12 & 511];
}

// 0 when the load faults.
static uint64_t load(uint64_t asid, uint64_t va) {
  uint64_t value = 0;
  switch_to(asid);
  __asm__ volatile("ldr %0, [%1]" : "+r"(value) : "r"(va) : "memory");
  return value;
}

static bool store_faults(uint64_t asid, uint64_t va) {
  switch_to(asid);
  faulted = false;
  __asm__ volatile("str xzr, [%0, #8]" ::"r"(va) : "memory");
  return faulted;
}

static const struct {
  uint64_t asid;
  uint64_t va;
  uint64_t attributes;
  const char* name;
} others[] = {
    {1, NEIGHBOUR, PAGE | PTE_NOT_GLOBAL, "another page of the same ASID"},
    {1, GLOBAL, PAGE, "a global page"},
    {2, SUBJECT, PAGE | PTE_NOT_GLOBAL, "the page at the same address in another ASID"},
};
enum { OTHERS = sizeof others / sizeof others[0] };

// The TLB holds `descriptor` for the subject, if it is valid, and old_frame for all others.
static void begin(uint64_t descriptor) {
  *entry_of(1, SUBJECT) = descriptor;
  for (unsigned n = 0; n < OTHERS; ++n) {
    *entry_of(others[n].asid, others[n].va) = (uint64_t)old_frame | others[n].attributes;
  }
  invalidate_all();
  load(1, SUBJECT);
  for (unsigned n = 0; n < OTHERS; ++n) {
    load(others[n].asid, others[n].va);
    *entry_of(others[n].asid, others[n].va) = (uint64_t)new_frame | others[n].attributes;
  }
  publish_tables();
  switch_to(1);
}

static bool remembers(const char* function) {
  for (unsigned n = 0; n < OTHERS; ++n) {
    if (load(others[n].asid, others[n].va) == OLD) continue;
    print("%s makes the TLB forget %s\n", function, others[n].name);
    return false;
  }
  return true;
}

static bool holds(const char* what, bool fact) {
  if (!fact) print("%s\n", what);
  return fact;
}

static bool gives(void) {
  begin(0);
  give(entry_of(1, SUBJECT), (uint64_t)subject_frame | PAGE | PTE_NOT_GLOBAL);
  return holds("after give the page cannot be read", load(1, SUBJECT) == NEW) && remembers("give");
}

static bool protects(void) {
  begin((uint64_t)subject_frame | PAGE | PTE_NOT_GLOBAL);
  protect(entry_of(1, SUBJECT), SUBJECT, 1);
  return holds("after protect the page can still be written", store_faults(1, SUBJECT)) &&
         holds("after protect the page cannot be read", load(1, SUBJECT) == NEW) &&
         remembers("protect");
}

static bool takes(void) {
  begin((uint64_t)subject_frame | PAGE | PTE_NOT_GLOBAL);
  take(entry_of(1, SUBJECT), SUBJECT, 1);
  return holds("after take the page can still be read", load(1, SUBJECT) != NEW) &&
         holds("take leaves a valid entry", (*entry_of(1, SUBJECT) & PTE_VALID) == 0) &&
         remembers("take");
}

int main(void) {
  for (unsigned n = 0; n < 2; ++n) {
    map_flat(spaces[n].root);
    spaces[n].root[3] = (uint64_t)spaces[n].directory | PTE_VALID | PTE_TABLE;
    spaces[n].directory[0] = (uint64_t)spaces[n].pages | PTE_VALID | PTE_TABLE;
  }
  forget_cached_image();
  mmu_enable(spaces[0].root, 1);
  old_frame[0] = OLD;
  new_frame[0] = subject_frame[0] = NEW;
  return gives() && protects() && takes() ? 0 : 1;
}
