// Lesson 5 of docs/tour: CPU 0 changes a block into a table and moves the first page to another
// frame; CPU 1 counts in that page, once behind each step. So no order is good by chance.

#include "steps.h"

#include "../runtime/guest.h"
#include "../runtime/mmu.h"

#define WINDOW 0xc0000000UL
#define BLOCK 0x41000000UL  // 2 MiB of memory
#define ASID 1UL
#define PAGE (PTE_RAM | PTE_NOT_GLOBAL | PTE_PXN | PTE_UXN)

static page_table root;
static page_table directory;
static page_table table;
static page_table frame_b;
static volatile uint64_t* const frame_a = (volatile uint64_t*)BLOCK;
static _Alignas(4096) char second_stack[4096];

static const char* const names[] = {"BREAK", "MAKE", "COPY", "TLBI_ONE", "TLBI_ALL", "DSB"};

// What CPU 1 has been asked to do and has done. `counted` is what the page should say.
static struct {
  uint64_t asked;
  uint64_t done;
  uint64_t counted;
  bool faulted;
} second;

bool guest_exception(struct exception_frame* frame) {
  if (exception_class(frame) != EC_DATA_ABORT_SAME) return false;
  second.faulted = true;
  frame->elr += 4;
  return true;
}

static uint64_t load_acquire(const uint64_t* from) {
  uint64_t value;
  __asm__ volatile("ldar %0, [%1]" : "=r"(value) : "r"(from) : "memory");
  return value;
}
static void store_release(uint64_t* to, uint64_t value) {
  __asm__ volatile("stlr %0, [%1]" ::"r"(value), "r"(to) : "memory");
}

static void count_once(void) {
  uint64_t value = 0;
  second.faulted = false;
  __asm__ volatile("ldr %0, [%1]" : "+r"(value) : "r"(WINDOW) : "memory");
  if (second.faulted) return;
  __asm__ volatile("str %0, [%1]" ::"r"(value + 1), "r"(WINDOW) : "memory");
  ++second.counted;
}

static void count_when_asked(uint64_t argument) {
  (void)argument;
  mmu_enable(root, ASID);
  for (uint64_t turn = 1;; ++turn) {
    while (load_acquire(&second.asked) != turn) __asm__ volatile("yield");
    count_once();
    store_release(&second.done, turn);
  }
}

static void print_padded(const char* text, unsigned width) {
  unsigned length = 0;
  while (text[length] != '\0') ++length;
  print("%s", text);
  for (; length < width; ++length) print(" ");
}

static const char* entry_kind(void) {
  if ((directory[0] & PTE_VALID) == 0) return "invalid";
  return (directory[0] & PTE_TABLE) != 0 ? "table" : "block";
}

// CPU 1 counts once; then a line of what was seen. Whether it used what the tables no longer say.
static bool show(const char* step) {
  uint64_t a = frame_a[0];
  store_release(&second.asked, second.asked + 1);
  while (load_acquire(&second.done) != second.asked) __asm__ volatile("yield");
  bool in_a = frame_a[0] != a;
  print_padded(step, 10);
  print_padded(entry_kind(), 9);
  print_padded(second.faulted ? "faults" : in_a ? "counts in A" : "counts in B", 13);
  print("A %lu  B %lu\n", frame_a[0], frame_b[0]);
  return in_a && (directory[0] & PTE_TABLE) != 0;
}

static void carry_out(enum step step) {
  uint64_t operand = (WINDOW >> 12 & 0xfffffffffffUL) | ASID << 48;
  switch (step) {
    case BREAK: directory[0] = 0; break;
    case MAKE: directory[0] = (uint64_t)table | PTE_VALID | PTE_TABLE; break;
    case COPY:
      for (unsigned n = 0; n < TABLE_ENTRIES; ++n) frame_b[n] = frame_a[n];
      break;
    case TLBI_ONE: __asm__ volatile("tlbi vae1, %0" ::"r"(operand) : "memory"); break;
    case TLBI_ALL: __asm__ volatile("tlbi vae1is, %0" ::"r"(operand) : "memory"); break;
    case DSB: __asm__ volatile("dsb ish" ::: "memory"); break;
  }
}

// The index of the first such step from `from` on; step_count when there is none.
static unsigned find(enum step step, unsigned from) {
  while (from < step_count && steps[from] != step) ++from;
  return from;
}

// What no run shows: a VMM may have local TLBIs reach all CPUs (HCR_EL2.FB, DDI 0487 D24.2.53), and
// this machine shows stores to all CPUs at once and completes each TLBI at once.
static bool good_elsewhere(void) {
  unsigned invalidate = find(TLBI_ALL, find(BREAK, 0));
  if (invalidate > find(COPY, 0)) {
    print("TLBI_ONE reaches CPU 1 only because this VMM sets HCR_EL2.FB: by itself it would not\n");
    return false;
  }
  if (find(DSB, find(BREAK, 0)) > invalidate) {
    print(
        "no DSB between BREAK and TLBI_ALL: CPU 1 may not see the break yet, and walk to A "
        "again\n");
    return false;
  }
  unsigned copy = find(COPY, invalidate);
  if (find(DSB, invalidate) > copy) {
    print("no DSB between TLBI_ALL and COPY: CPU 1 may not have forgotten A yet\n");
    return false;
  }
  return true;
}

static void build_tables(void) {
  map_flat(root);
  root[3] = (uint64_t)directory | PTE_VALID | PTE_TABLE;
  directory[0] = BLOCK | PAGE;
  table[0] = (uint64_t)frame_b | PAGE | PTE_PAGE;
  for (uint64_t n = 1; n < TABLE_ENTRIES; ++n) {
    table[n] = (BLOCK + n * PAGE_SIZE) | PAGE | PTE_PAGE;
  }
}

int main(void) {
  build_tables();
  forget_cached_image();
  mmu_enable(root, ASID);
  if (start_cpu(1, second_stack, sizeof second_stack, count_when_asked, 0) != PSCI_SUCCESS) {
    print("this guest needs two CPUs\n");
    return 1;
  }
  print("step      entry    CPU 1        counters\n");
  show("");
  const char* too_late = NULL;
  for (unsigned n = 0; n < step_count; ++n) {
    carry_out(steps[n]);
    if (show(names[steps[n]]) && too_late == NULL) too_late = names[steps[n]];
  }
  uint64_t found = *(volatile uint64_t*)WINDOW;
  print("CPU 1 has counted %lu times, CPU 0 finds %lu\n", second.counted, found);
  if ((directory[0] & PTE_TABLE) == 0) {
    print("the page was not moved\n");
  } else if (too_late != NULL) {
    print("CPU 1 uses the block while the entry is a table, after %s\n", too_late);
  } else if (found != second.counted) {
    print("what CPU 1 has counted between COPY and the end is lost\n");
  } else if (good_elsewhere()) {
    return 0;
  }
  return 1;
}
