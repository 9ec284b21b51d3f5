// A guest with an operating system's habits: Sv39 tables of 4 KiB pages, code in U-mode that calls
// by ECALL, faults that are repaired, pages that are moved under the TLB's eyes.

#include "runtime/guest.h"
#include "runtime/instruction.h"
#include "runtime/mmu.h"
#include "user.h"

// Addresses of the fourth and fifth GiB hold nothing but what this guest maps there.
#define USER_CODE 0xc0000000UL
#define USER_DATA 0xc0001000UL
#define USER_STACK 0xc0002000UL
#define WINDOW 0x100000000UL

#define ASID 1UL

static page_table root;
static page_table kernel_directory;
static page_table kernel_pages;
static page_table user_directory;
static page_table user_pages;
static page_table window_directory;
static page_table window_pages;
static page_table frame_a;
static page_table frame_b;
static page_table user_data;
static page_table user_stack;

extern const char image_start[], rodata_start[], data_start[], image_end[], user_text_start[];
extern const char user_program[];
uint64_t enter_user(uint64_t entry, uint64_t stack, uint64_t argument);
_Noreturn void leave_user(uint64_t result);

static void map_page(uint64_t* table, uint64_t va, const void* frame, uint64_t bits) {
  table[va >> 12 & 511] = pte(frame, bits);
}

static void remap_page(uint64_t* table, uint64_t va, const void* frame, uint64_t bits) {
  map_page(table, va, frame, bits);
  invalidate_page(va, ASID);
}

static void build_tables(void) {
  root[0] = pte((void*)0, PTE_DATA);
  root[2] = pte(kernel_directory, PTE_VALID);
  root[3] = pte(user_directory, PTE_VALID);
  root[4] = pte(window_directory, PTE_VALID);
  kernel_directory[(uint64_t)image_start >> 21 & 511] = pte(kernel_pages, PTE_VALID);
  user_directory[0] = pte(user_pages, PTE_VALID);
  window_directory[0] = pte(window_pages, PTE_VALID);
  for (const char* p = image_start; p < image_end; p += PAGE_SIZE) {
    uint64_t bits = PTE_LEAF | PTE_READ;
    if (p >= data_start) bits |= PTE_WRITE;
    if (p < rodata_start) bits |= PTE_EXECUTE;
    map_page(kernel_pages, (uint64_t)p, p, bits);
  }
  map_page(user_pages, USER_CODE, user_text_start, PTE_LEAF | PTE_USER | PTE_READ | PTE_EXECUTE);
  map_page(user_pages, USER_DATA, user_data, PTE_LEAF | PTE_USER | PTE_READ);
  map_page(user_pages, USER_STACK, user_stack, PTE_DATA | PTE_USER);
}

// What exceptions found; main compares.
static struct {
  uint64_t reports[3];
  unsigned report_count;
  unsigned illegal;
  unsigned user_store_faults;
  unsigned user_refused;
  unsigned invalid;
  unsigned not_accessed;
  unsigned not_dirty;
  unsigned not_writable;
} seen;

static bool user_call(struct trap_frame* frame) {
  const uint64_t value = frame->x[10];
  frame->sepc += 4;
  switch (frame->x[17]) {
    case CALL_REPORT:
      if (seen.report_count < 3) seen.reports[seen.report_count++] = value;
      return true;
    case CALL_EXIT: leave_user(value);
    default: return false;
  }
}

static bool user_fault(struct trap_frame* frame) {
  uint64_t page = frame->stval & ~(PAGE_SIZE - 1);
  if (page == USER_DATA && frame->scause == STORE_PAGE_FAULT) {
    ++seen.user_store_faults;
    remap_page(user_pages, USER_DATA, user_data, PTE_DATA | PTE_USER);
    return true;
  }
  if (page == RAM_BASE && frame->scause == LOAD_PAGE_FAULT) {
    ++seen.user_refused;
    frame->x[10] = 0xdead;
    frame->sepc += instruction_length((uint64_t)user_text_start + (frame->sepc - USER_CODE));
    return true;
  }
  return false;
}

// Page faults have one cause for each kind of access: why, the entry tells.
static bool kernel_fault(struct trap_frame* frame) {
  if (frame->stval != WINDOW) return false;
  const uint64_t entry = window_pages[0];
  if ((entry & PTE_VALID) == 0) {
    ++seen.invalid;
    remap_page(window_pages, WINDOW, frame_b, PTE_DATA);
    return true;
  }
  if ((entry & PTE_ACCESSED) == 0) {
    if (++seen.not_accessed > 1) return false;
    window_pages[0] |= PTE_ACCESSED;
  } else if (frame->scause != STORE_PAGE_FAULT) {
    return false;
  } else if ((entry & PTE_WRITE) == 0) {
    ++seen.not_writable;
    window_pages[0] |= PTE_WRITE;
  } else {
    if (++seen.not_dirty > 1) return false;
    window_pages[0] |= PTE_DIRTY;
  }
  invalidate_asid(ASID);
  return true;
}

bool guest_exception(struct trap_frame* frame) {
  const bool from_user = (frame->sstatus & SSTATUS_SPP) == 0;
  switch (frame->scause) {
    case CALL_FROM_U: return user_call(frame);
    case LOAD_PAGE_FAULT:
    case STORE_PAGE_FAULT: return from_user ? user_fault(frame) : kernel_fault(frame);
    case ILLEGAL_INSTRUCTION:
      ++seen.illegal;
      frame->x[10] = 0;
      frame->sepc += 4;
      return from_user;
    default: return false;
  }
}

static void user_mode(void) {
  uint64_t entry = USER_CODE + (uint64_t)(user_program - user_text_start);
  uint64_t result = enter_user(entry, USER_STACK + PAGE_SIZE, USER_DATA);
  print("  U-mode ran: %u calls, %u page fault repaired, %u access refused\n", seen.report_count,
        seen.user_store_faults, seen.user_refused);
  check_equal("U-mode's result", result, 1);
  check_equal("illegal instructions in U-mode", seen.illegal, 1);
  check_equal("U-mode's first report", seen.reports[0], 0);
  check_equal("U-mode's second report", seen.reports[1], 0x1234);
  check_equal("U-mode's third report", seen.reports[2], 0xdead);
  check_equal("what U-mode wrote", user_data[0], 0x1234);
  check_equal("page faults in U-mode", seen.user_store_faults, 1);
  check_equal("accesses refused to U-mode", seen.user_refused, 1);
}

// Both A and D are set by faults, or neither. How it is stays in no register, where traps would
// show what else is the same on both kinds of machine.
static bool same_way(void) {
  uint64_t difference, other;
  __asm__ volatile("lw %0, %2\n\tlw %1, %3\n\txor %0, %0, %1\n\tli %1, 0"
                   : "=&r"(difference), "=&r"(other)
                   : "m"(seen.not_accessed), "m"(seen.not_dirty));
  return difference == 0;
}

// Whoever sets A and D, hardware or the fault handler, once each: they are set afterwards.
static void accessed_and_dirty(void) {
  volatile uint64_t* window = (volatile uint64_t*)WINDOW;
  remap_page(window_pages, WINDOW, frame_a, PTE_DATA & ~(PTE_ACCESSED | PTE_DIRTY));
  check_equal("A clear", *window, 0xa1a1);
  check_equal("A and D after a read", window_pages[0] & (PTE_ACCESSED | PTE_DIRTY), PTE_ACCESSED);
  *window = 0xa2a2;
  check_equal("D clear", frame_a[0], 0xa2a2);
  check_equal("A and D after a write", window_pages[0] & (PTE_ACCESSED | PTE_DIRTY),
              PTE_ACCESSED | PTE_DIRTY);
  check("both are set by faults, or none", same_way());
}

static void moving_pages(void) {
  volatile uint64_t* window = (volatile uint64_t*)WINDOW;
  frame_a[0] = 0xaaaa;
  frame_b[0] = 0xbbbb;
  remap_page(window_pages, WINDOW, frame_a, PTE_DATA);
  check_equal("first mapping", *window, 0xaaaa);
  *window = 0xa1a1;
  check_equal("the same frame by its other address", frame_a[0], 0xa1a1);

  remap_page(window_pages, WINDOW, frame_b, PTE_DATA);
  check_equal("moved to the second frame", *window, 0xbbbb);

  window_pages[0] = 0;
  invalidate_all();
  check_equal("unmapped, mapped by the fault handler", *window, 0xbbbb);
  check_equal("faults of an invalid entry", seen.invalid, 1);

  accessed_and_dirty();

  remap_page(window_pages, WINDOW, frame_b, PTE_LEAF | PTE_READ);
  check_equal("read-only", *window, 0xbbbb);
  *window = 0xb1b1;
  check_equal("made writable by the fault handler", frame_b[0], 0xb1b1);
  check_equal("faults of a read-only page", seen.not_writable, 1);
  print("  pages moved: %u invalid, %u not writable, all repaired\n", seen.invalid,
        seen.not_writable);
}

int main(void) {
  print("paging: own tables\n");
  build_tables();
  mmu_enable(root, ASID);
  print("  translation on\n");
  user_mode();
  moving_pages();
  return check_summary("paging");
}
