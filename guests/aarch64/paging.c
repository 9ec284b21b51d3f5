// A guest with an operating system's habits: stage-1 tables of 4 KiB pages, code at EL0 that calls
// by SVC, faults that are repaired, pages that are moved under the TLB's eyes.

#include "runtime/guest.h"
#include "runtime/mmu.h"
#include "user.h"

// Addresses of the third and fourth GiB hold nothing but what this guest maps there.
#define USER_CODE 0x80000000UL
#define USER_DATA 0x80001000UL
#define USER_STACK 0x80002000UL
#define WINDOW 0xc0000000UL

#define ASID 1UL
#define KERNEL_PAGE (PTE_RAM | PTE_PAGE | PTE_UXN)
#define USER_PAGE (PTE_RAM | PTE_PAGE | PTE_USER | PTE_NOT_GLOBAL | PTE_PXN)

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

static uint64_t table_at(const uint64_t* table) { return (uint64_t)table | PTE_VALID | PTE_TABLE; }

static void map_page(uint64_t* table, uint64_t va, const void* frame, uint64_t attributes) {
  table[va >> 12 & 511] = (uint64_t)frame | attributes;
}

// Break before make: the old translation is gone everywhere before the new one appears.
static void remap_page(uint64_t* table, uint64_t va, const void* frame, uint64_t attributes) {
  table[va >> 12 & 511] = 0;
  invalidate_page(va, ASID);
  map_page(table, va, frame, attributes);
  publish_tables();
}

static void build_tables(void) {
  root[0] = PTE_IO;
  root[1] = table_at(kernel_directory);
  root[2] = table_at(user_directory);
  root[3] = table_at(window_directory);
  kernel_directory[0] = table_at(kernel_pages);
  user_directory[0] = table_at(user_pages);
  window_directory[0] = table_at(window_pages);
  for (const char* p = image_start; p < image_end; p += PAGE_SIZE) {
    uint64_t attributes = KERNEL_PAGE;
    if (p < data_start) attributes |= PTE_READ_ONLY;
    if (p >= rodata_start) attributes |= PTE_PXN;
    map_page(kernel_pages, (uint64_t)p, p, attributes);
  }
  map_page(user_pages, USER_CODE, user_text_start, USER_PAGE | PTE_READ_ONLY);
  map_page(user_pages, USER_DATA, user_data, USER_PAGE | PTE_UXN | PTE_READ_ONLY);
  map_page(user_pages, USER_STACK, user_stack, USER_PAGE | PTE_UXN);
}

// What exceptions found; main compares.
static struct {
  uint64_t reports[3];
  unsigned report_count;
  unsigned undefined;
  unsigned user_permission_faults;
  unsigned user_refused;
  unsigned translation_faults;
  unsigned access_flag_faults;
  unsigned kernel_permission_faults;
} seen;

static bool supervisor_call(struct exception_frame* frame) {
  switch (frame->esr & 0xffff) {
    case SVC_REPORT:
      if (seen.report_count < 3) seen.reports[seen.report_count++] = frame->x[0];
      return true;
    case SVC_EXIT: leave_user(frame->x[0]);
    default: return false;
  }
}

static bool user_abort(struct exception_frame* frame) {
  uint64_t page = frame->far & ~(PAGE_SIZE - 1);
  bool is_permission_fault = (frame->esr & 0x3f) == 0x0f;  // level 3
  bool is_write = (frame->esr >> 6 & 1) != 0;
  if (page == USER_DATA && is_permission_fault && is_write) {
    ++seen.user_permission_faults;
    map_page(user_pages, USER_DATA, user_data, USER_PAGE | PTE_UXN);
    invalidate_page(USER_DATA, ASID);
    return true;
  }
  if (page == 0x40000000 && !is_write) {
    ++seen.user_refused;
    frame->x[0] = 0xdead;
    frame->elr += 4;
    return true;
  }
  return false;
}

static bool kernel_abort(struct exception_frame* frame) {
  if (frame->far != WINDOW) return false;
  switch (frame->esr & 0x3f) {
    case 0x07:  // translation fault, level 3: frame_b appears. What was invalid is in no TLB.
      ++seen.translation_faults;
      map_page(window_pages, WINDOW, frame_b, KERNEL_PAGE | PTE_PXN | PTE_NOT_GLOBAL);
      publish_tables();
      return true;
    case 0x0b:  // access flag fault, level 3: not in a TLB either
      ++seen.access_flag_faults;
      window_pages[0] |= PTE_ACCESSED;
      publish_tables();
      return true;
    case 0x0f:  // permission fault, level 3
      ++seen.kernel_permission_faults;
      window_pages[0] &= ~PTE_READ_ONLY;
      invalidate_asid(ASID);
      return true;
    default: return false;
  }
}

bool guest_exception(struct exception_frame* frame) {
  switch (exception_class(frame)) {
    case EC_SVC64: return supervisor_call(frame);
    case EC_DATA_ABORT_LOWER: return user_abort(frame);
    case EC_DATA_ABORT_SAME: return kernel_abort(frame);
    case EC_UNKNOWN:
      ++seen.undefined;
      frame->x[0] = 0;
      frame->elr += 4;
      return true;
    default: return false;
  }
}

static void user_mode(void) {
  uint64_t entry = USER_CODE + (uint64_t)(user_program - user_text_start);
  uint64_t result = enter_user(entry, USER_STACK + PAGE_SIZE, USER_DATA);
  print("  EL0 ran: %u calls, %u permission fault repaired, %u access refused\n", seen.report_count,
        seen.user_permission_faults, seen.user_refused);
  check_equal("EL0's result", result, 1);
  check_equal("undefined instructions at EL0", seen.undefined, 1);
  check_equal("EL0's first report", seen.reports[0], 0);
  check_equal("EL0's second report", seen.reports[1], 0x1234);
  check_equal("EL0's third report", seen.reports[2], 0xdead);
  check_equal("what EL0 wrote", user_data[0], 0x1234);
  check_equal("permission faults at EL0", seen.user_permission_faults, 1);
  check_equal("accesses refused to EL0", seen.user_refused, 1);
}

static void moving_pages(void) {
  volatile uint64_t* window = (volatile uint64_t*)WINDOW;
  uint64_t attributes = KERNEL_PAGE | PTE_PXN | PTE_NOT_GLOBAL;
  frame_a[0] = 0xaaaa;
  frame_b[0] = 0xbbbb;
  map_page(window_pages, WINDOW, frame_a, attributes);
  publish_tables();
  check_equal("first mapping", *window, 0xaaaa);
  *window = 0xa1a1;
  check_equal("the same frame by its other address", frame_a[0], 0xa1a1);

  remap_page(window_pages, WINDOW, frame_b, attributes);
  check_equal("moved to the second frame", *window, 0xbbbb);

  window_pages[0] = 0;
  invalidate_all();
  check_equal("unmapped, mapped by the fault handler", *window, 0xbbbb);
  check_equal("translation faults", seen.translation_faults, 1);

  remap_page(window_pages, WINDOW, frame_a, attributes & ~PTE_ACCESSED);
  check_equal("access flag clear, set by the fault handler", *window, 0xa1a1);
  check_equal("access flag faults", seen.access_flag_faults, 1);

  remap_page(window_pages, WINDOW, frame_b, attributes | PTE_READ_ONLY);
  check_equal("read-only", *window, 0xbbbb);
  *window = 0xb1b1;
  check_equal("made writable by the fault handler", frame_b[0], 0xb1b1);
  check_equal("permission faults at EL1", seen.kernel_permission_faults, 1);
  print("  pages moved: %u translation, %u access flag, %u permission fault repaired\n",
        seen.translation_faults, seen.access_flag_faults, seen.kernel_permission_faults);
}

int main(void) {
  print("paging: own stage-1 tables\n");
  build_tables();
  forget_cached_image();
  mmu_enable(root, ASID);
  print("  MMU on\n");
  user_mode();
  moving_pages();
  return check_summary("paging");
}
