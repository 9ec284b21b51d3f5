// Lesson 4 of docs/tour: changes to a page-table entry, and what the TLB makes of each.

#include "../runtime/guest.h"
#include "../runtime/mmu.h"

#define WINDOW 0xc0000000UL
#define NEXT_PAGE (WINDOW + PAGE_SIZE)
#define ASID 1UL
#define PAGE (PTE_RAM | PTE_PAGE | PTE_NOT_GLOBAL | PTE_PXN | PTE_UXN)

static page_table root;
static page_table directory;
static page_table pages;
static page_table frame_a;
static page_table frame_b;

static bool faulted;

bool guest_exception(struct exception_frame* frame) {
  if (exception_class(frame) != EC_DATA_ABORT_SAME) return false;
  faulted = true;
  frame->elr += 4;
  return true;
}

// What a load at WINDOW finds: 'a', 'b', or 0 when it faults.
static uint64_t load(void) {
  uint64_t value = 0;
  faulted = false;
  __asm__ volatile("ldr %0, [%1]" : "+r"(value) : "r"(WINDOW) : "memory");
  return value;
}

static void look(const char* what) {
  uint64_t entry = pages[0] & ~0xfffUL & 0xffffffffffffUL;
  uint64_t value = load();
  print("%s entry: %s   load: ", what,
        entry == 0                   ? "none"
        : entry == (uint64_t)frame_a ? "a   "
                                     : "b   ");
  if (faulted) {
    print("fault\n");
  } else {
    print("%c\n", (char)value);
  }
}

int main(void) {
  map_flat(root);
  root[3] = (uint64_t)directory | PTE_VALID | PTE_TABLE;
  directory[0] = (uint64_t)pages | PTE_VALID | PTE_TABLE;
  forget_cached_image();
  mmu_enable(root, ASID);
  frame_a[0] = 'a';
  frame_b[0] = 'b';

  look("1 nothing is mapped            ");
  pages[0] = (uint64_t)frame_a | PAGE;
  publish_tables();
  look("2 the entry is written         ");
  pages[0] = 0;
  publish_tables();
  look("3 the entry is cleared         ");
  invalidate_page(NEXT_PAGE, ASID);
  look("4 TLBI VAE1IS of the next page ");
  invalidate_page(WINDOW, ASID + 1);
  look("5 TLBI VAE1IS of another ASID  ");
  invalidate_page(WINDOW, ASID);
  look("6 TLBI VAE1IS of this page     ");
  pages[0] = (uint64_t)frame_b | PAGE;
  publish_tables();
  look("7 the entry is written         ");
  pages[0] = 0;
  publish_tables();
  look("8 the entry is cleared         ");
  return 0;
}
