// Every way to be refused: stage-1 permissions of EL1 and EL0 (read, write, execute, UXN, PXN, what
// EL0 may write, WXN, unprivileged accesses, PAN where there is one), and stage 2's, which the VMM
// answers with an external abort. Prints the class and status of each exception.

#include "runtime/cache.h"
#include "runtime/guest.h"
#include "runtime/mmu.h"
#include "user.h"

#define WINDOW 0xc0000000UL
#define USER_CODE 0xc0001000UL
#define ASID 1UL
#define SCTLR_WXN (1UL << 19)

// Guest-physical memory that the configuration maps for less than everything.
#define STAGE2_READ_ONLY 0x50000000UL
#define STAGE2_NO_EXECUTE 0x50010000UL

#define PAGE_OF(attributes) (PTE_RAM | PTE_PAGE | PTE_NOT_GLOBAL | (attributes))

enum { NONE = 0, PERMISSION_LEVEL_3 = 0x0f, EXTERNAL = 0x10 };

static page_table root;
static page_table kernel_directory;
static page_table kernel_pages;
static page_table directory;
static page_table pages;
static page_table code;  // begins with a function that returns at once

extern const char image_start[], rodata_start[], data_start[], image_end[], user_text_start[];
extern const char user_read[], user_write[], user_execute[];
uint64_t enter_user(uint64_t entry, uint64_t stack, uint64_t argument);
_Noreturn void leave_user(uint64_t result);

static bool at_el0;
static uint64_t syndrome;
static uint64_t fault_address;

bool guest_exception(struct exception_frame* frame) {
  unsigned class = exception_class(frame);
  if (class == EC_SVC64) leave_user(0);
  syndrome = frame->esr;
  fault_address = frame->far;
  if (at_el0) leave_user(0);
  // What was called and could not be fetched returns at once; other instructions are skipped.
  frame->elr = class == EC_INSTRUCTION_ABORT_SAME ? frame->x[30] : frame->elr + 4;
  return true;
}

static void read(uint64_t va) {
  uint64_t value;
  __asm__ volatile("ldr %0, [%1]" : "=r"(value) : "r"(va) : "memory");
}
static void write(uint64_t va) { __asm__ volatile("str xzr, [%0, #8]" ::"r"(va) : "memory"); }
static void read_as_user(uint64_t va) {
  uint64_t value;
  __asm__ volatile("ldtr %0, [%1]" : "=r"(value) : "r"(va) : "memory");
}
static void write_as_user(uint64_t va) {
  __asm__ volatile("sttr xzr, [%0, #8]" ::"r"(va) : "memory");
}
static void execute(uint64_t va) { ((void (*)(void))va)(); }

static void at_user(const char* entry, uint64_t va) {
  at_el0 = true;
  enter_user(USER_CODE + (uint64_t)(entry - user_text_start), 0, va);
  at_el0 = false;
}

static void map(uint64_t attributes) {
  pages[0] = 0;
  invalidate_page(WINDOW, ASID);
  pages[0] = (uint64_t)code | PAGE_OF(attributes);
  publish_tables();
}

static void begin(void) { syndrome = 0; }

// `class` and `status` that the access should have taken; NONE: it should have worked.
static void refused(const char* what, unsigned class, unsigned status) {
  print("  %s: ", what);
  if (syndrome == 0) {
    print("allowed\n");
  } else if (syndrome >> 26 == EC_UNKNOWN) {
    print("undefined\n");
  } else {
    print("class 0x%02lx, status 0x%02lx, %s\n", syndrome >> 26, syndrome & 0x3f,
          (syndrome >> 26 & 0x3e) == 0x20 ? "fetch"
          : (syndrome & 0x40) != 0        ? "write"
                                          : "read");
  }
  check_equal(what, syndrome >> 26, class);
  check_equal(what, syndrome & 0x3f, status);
}

#define TRY(attributes, access, what, class, status) \
  do {                                               \
    map(attributes);                                 \
    begin();                                         \
    access;                                          \
    refused(what, class, status);                    \
  } while (0)

static void privileged(void) {
  TRY(PTE_PXN | PTE_UXN, read(WINDOW), "EL1 reads", NONE, NONE);
  TRY(PTE_PXN | PTE_UXN, write(WINDOW), "EL1 writes", NONE, NONE);
  TRY(PTE_READ_ONLY | PTE_UXN, execute(WINDOW), "EL1 executes", NONE, NONE);
  TRY(PTE_READ_ONLY, write(WINDOW), "EL1 writes what is read-only", EC_DATA_ABORT_SAME,
      PERMISSION_LEVEL_3);
  TRY(PTE_READ_ONLY | PTE_PXN, execute(WINDOW), "EL1 executes in spite of PXN",
      EC_INSTRUCTION_ABORT_SAME, PERMISSION_LEVEL_3);
  TRY(PTE_USER, execute(WINDOW), "EL1 executes what EL0 may write", EC_INSTRUCTION_ABORT_SAME,
      PERMISSION_LEVEL_3);
  TRY(PTE_USER | PTE_READ_ONLY, execute(WINDOW), "EL1 executes what EL0 may read", NONE, NONE);
  TRY(PTE_PXN, read_as_user(WINDOW), "LDTR from a page of EL1", EC_DATA_ABORT_SAME,
      PERMISSION_LEVEL_3);
  TRY(PTE_USER | PTE_READ_ONLY, read_as_user(WINDOW), "LDTR from a page of EL0", NONE, NONE);
  TRY(PTE_USER | PTE_READ_ONLY, write_as_user(WINDOW), "STTR to a read-only page of EL0",
      EC_DATA_ABORT_SAME, PERMISSION_LEVEL_3);
}

static void unprivileged(void) {
  TRY(PTE_USER, at_user(user_read, WINDOW), "EL0 reads", NONE, NONE);
  TRY(PTE_USER, at_user(user_write, WINDOW), "EL0 writes", NONE, NONE);
  TRY(PTE_USER | PTE_READ_ONLY, at_user(user_execute, WINDOW), "EL0 executes", NONE, NONE);
  TRY(0, at_user(user_read, WINDOW), "EL0 reads a page of EL1", EC_DATA_ABORT_LOWER,
      PERMISSION_LEVEL_3);
  TRY(0, at_user(user_write, WINDOW), "EL0 writes a page of EL1", EC_DATA_ABORT_LOWER,
      PERMISSION_LEVEL_3);
  TRY(PTE_USER | PTE_READ_ONLY, at_user(user_write, WINDOW), "EL0 writes what is read-only",
      EC_DATA_ABORT_LOWER, PERMISSION_LEVEL_3);
  TRY(PTE_USER | PTE_READ_ONLY | PTE_UXN, at_user(user_execute, WINDOW),
      "EL0 executes in spite of UXN", EC_INSTRUCTION_ABORT_LOWER, PERMISSION_LEVEL_3);
  TRY(PTE_READ_ONLY, at_user(user_execute, WINDOW), "EL0 executes what it cannot read", NONE, NONE);
}

static void write_implies_no_execute(void) {
  uint64_t control = READ_SYSREG(sctlr_el1);
  WRITE_SYSREG(sctlr_el1, control | SCTLR_WXN);
  __asm__ volatile("isb\n\ttlbi vmalle1\n\tdsb nsh\n\tisb" ::: "memory");
  TRY(PTE_UXN, execute(WINDOW), "EL1 executes what it may write under WXN",
      EC_INSTRUCTION_ABORT_SAME, PERMISSION_LEVEL_3);
  TRY(PTE_READ_ONLY | PTE_UXN, execute(WINDOW), "EL1 executes what is read-only under WXN", NONE,
      NONE);
  TRY(PTE_USER, at_user(user_execute, WINDOW), "EL0 executes what it may write under WXN",
      EC_INSTRUCTION_ABORT_LOWER, PERMISSION_LEVEL_3);
  WRITE_SYSREG(sctlr_el1, control);
  __asm__ volatile("isb\n\ttlbi vmalle1\n\tdsb nsh\n\tisb" ::: "memory");
}

static void privileged_access_never(void) {
  map(PTE_USER);
  begin();
  if ((READ_SYSREG(id_aa64mmfr1_el1) >> 20 & 0xf) == 0) {
    __asm__ volatile(".inst 0xd500419f" ::: "memory");  // msr pan, #1
    refused("MSR PAN on a CPU without PAN", EC_UNKNOWN, 0);
    check("it is undefined", syndrome != 0);
    return;
  }
  __asm__ volatile(".inst 0xd500419f" ::: "memory");
  read(WINDOW);
  refused("EL1 reads a page of EL0 under PAN", EC_DATA_ABORT_SAME, PERMISSION_LEVEL_3);
  begin();
  read_as_user(WINDOW);
  refused("LDTR from it under PAN", NONE, NONE);
  __asm__ volatile(".inst 0xd500409f" ::: "memory");
}

// The VMM has no other answer than the bus has for an address where nothing is.
static void second_stage(void) {
  begin();
  read(STAGE2_READ_ONLY);
  refused("stage 2: reads", NONE, NONE);
  begin();
  write(STAGE2_READ_ONLY);
  refused("stage 2: writes what is read-only", EC_DATA_ABORT_SAME, EXTERNAL);
  check_equal("FAR_EL1", fault_address, STAGE2_READ_ONLY + 8);
  begin();
  write(STAGE2_NO_EXECUTE);
  refused("stage 2: writes", NONE, NONE);
  begin();
  execute(STAGE2_NO_EXECUTE);
  refused("stage 2: executes what is not executable", EC_INSTRUCTION_ABORT_SAME, EXTERNAL);
  check_equal("FAR_EL1", fault_address, STAGE2_NO_EXECUTE);
}

// The kernel's own pages are never writable and executable: it goes on under WXN.
static void build_tables(void) {
  root[0] = PTE_IO;
  root[1] = (uint64_t)kernel_directory | PTE_VALID | PTE_TABLE;
  root[3] = (uint64_t)directory | PTE_VALID | PTE_TABLE;
  kernel_directory[0] = (uint64_t)kernel_pages | PTE_VALID | PTE_TABLE;
  kernel_directory[STAGE2_READ_ONLY >> 21 & 511] = STAGE2_READ_ONLY | PTE_RAM | PTE_UXN;
  for (const char* p = image_start; p < image_end; p += PAGE_SIZE) {
    uint64_t attributes = PTE_RAM | PTE_PAGE | PTE_UXN;
    if (p < data_start) attributes |= PTE_READ_ONLY;
    if (p >= rodata_start) attributes |= PTE_PXN;
    kernel_pages[(uint64_t)p >> 12 & 511] = (uint64_t)p | attributes;
  }
  directory[0] = (uint64_t)pages | PTE_VALID | PTE_TABLE;
  pages[1] = (uint64_t)user_text_start | PAGE_OF(PTE_USER | PTE_READ_ONLY | PTE_PXN);
}

int main(void) {
  print("permissions: who may do what\n");
  build_tables();
  forget_cached_image();
  mmu_enable(root, ASID);
  ((volatile uint32_t*)code)[0] = 0xd65f03c0;  // ret
  publish_code(code, 4);
  privileged();
  unprivileged();
  write_implies_no_execute();
  privileged_access_never();
  second_stage();
  return check_summary("permissions");
}
