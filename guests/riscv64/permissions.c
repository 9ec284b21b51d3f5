// Every way to be refused: VS-stage permissions of S-mode and U-mode (read, write, execute, U, SUM,
// MXR, entries and addresses that mean nothing), and the G-stage's, which the VMM answers with an
// access fault. Prints the cause of each exception.

#include "runtime/guest.h"
#include "runtime/mmu.h"
#include "user.h"

#define WINDOW 0xc0000000UL
#define USER_CODE 0xc0001000UL
#define BLOCK 0xc0200000UL
#define NOT_CANONICAL 0x4000000000UL  // bits 63 to 39 differ from bit 38 (it is clear)
#define ASID 1UL

// Guest-physical memory that the configuration maps for less than everything.
#define G_STAGE_READ_ONLY 0x90000000UL
#define G_STAGE_NO_EXECUTE 0x90010000UL

enum { ALLOWED = 0x40 };

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

static bool in_user;
static uint64_t cause;
static uint64_t fault_address;

bool guest_exception(struct trap_frame* frame) {
  if (frame->scause == CALL_FROM_U) leave_user(0);
  cause = frame->scause;
  fault_address = frame->stval;
  if (in_user) leave_user(0);
  // What was called and could not be fetched returns at once; other instructions are skipped, and
  // none of them is compressed.
  const bool is_fetch = cause == FETCH_PAGE_FAULT || cause == FETCH_ACCESS_FAULT;
  frame->sepc = is_fetch ? frame->x[1] : frame->sepc + 4;
  return true;
}

#define UNCOMPRESSED ".option push\n\t.option norvc\n\t"

static void read(uint64_t va) {
  uint64_t value;
  __asm__ volatile(UNCOMPRESSED "ld %0, 0(%1)\n\t.option pop" : "=r"(value) : "r"(va) : "memory");
}
static void write(uint64_t va) {
  __asm__ volatile(UNCOMPRESSED "sd zero, 8(%0)\n\t.option pop" ::"r"(va) : "memory");
}
static void execute(uint64_t va) { ((void (*)(void))va)(); }
static void exchange(uint64_t va) {
  __asm__ volatile("amoor.d zero, zero, (%0)" ::"r"(va) : "memory");
}
static void reserve(uint64_t va) {
  uint64_t value;
  __asm__ volatile("lr.d %0, (%1)" : "=r"(value) : "r"(va) : "memory");
}

static void at_user(const char* entry, uint64_t va) {
  in_user = true;
  enter_user(USER_CODE + (uint64_t)(entry - user_text_start), 0, va);
  in_user = false;
}

static void map_entry(uint64_t entry) {
  pages[0] = entry;
  invalidate_page(WINDOW, ASID);
}
static void begin(void) { cause = ALLOWED; }

// `expected`: the exception that the access should have taken, or ALLOWED.
static void refused(const char* what, uint64_t expected, uint64_t address) {
  print("  %s: ", what);
  if (cause == ALLOWED) {
    print("allowed\n");
  } else {
    print("exception %lu\n", cause);
  }
  check_equal(what, cause, expected);
  if (expected != ALLOWED) check_equal("stval", fault_address, address);
}

#define TRY(bits, access, what, expected, address) \
  do {                                             \
    map_entry(pte(code, bits));                    \
    begin();                                       \
    access;                                        \
    refused(what, expected, address);              \
  } while (0)

#define READ_ONLY (PTE_LEAF | PTE_READ)
#define EXECUTE_ONLY (PTE_LEAF | PTE_EXECUTE)
#define READ_EXECUTE (PTE_LEAF | PTE_READ | PTE_EXECUTE)

static void supervisor(void) {
  TRY(PTE_DATA, read(WINDOW), "S-mode reads", ALLOWED, 0);
  TRY(PTE_DATA, write(WINDOW), "S-mode writes", ALLOWED, 0);
  TRY(READ_EXECUTE, execute(WINDOW), "S-mode executes", ALLOWED, 0);
  TRY(READ_ONLY, write(WINDOW), "S-mode writes what is read-only", STORE_PAGE_FAULT, WINDOW + 8);
  TRY(READ_ONLY, exchange(WINDOW), "an AMO on what is read-only", STORE_PAGE_FAULT, WINDOW);
  TRY(READ_ONLY, reserve(WINDOW), "LR of what is read-only", ALLOWED, 0);
  TRY(PTE_DATA, execute(WINDOW), "S-mode executes data", FETCH_PAGE_FAULT, WINDOW);
  TRY(EXECUTE_ONLY, execute(WINDOW), "S-mode executes what it cannot read", ALLOWED, 0);
  TRY(EXECUTE_ONLY, read(WINDOW), "S-mode reads what is executable only", LOAD_PAGE_FAULT, WINDOW);
  TRY(EXECUTE_ONLY, exchange(WINDOW), "an AMO on what is executable only", STORE_PAGE_FAULT,
      WINDOW);
  SET_CSR(sstatus, SSTATUS_MXR);
  TRY(EXECUTE_ONLY, read(WINDOW), "the same with MXR", ALLOWED, 0);
  TRY(EXECUTE_ONLY, write(WINDOW), "S-mode writes it with MXR", STORE_PAGE_FAULT, WINDOW + 8);
  CLEAR_CSR(sstatus, SSTATUS_MXR);
}

static void user_pages(void) {
  TRY(PTE_DATA | PTE_USER, read(WINDOW), "S-mode reads a page of U-mode", LOAD_PAGE_FAULT, WINDOW);
  TRY(PTE_DATA | PTE_USER, write(WINDOW), "S-mode writes a page of U-mode", STORE_PAGE_FAULT,
      WINDOW + 8);
  SET_CSR(sstatus, SSTATUS_SUM);
  TRY(PTE_DATA | PTE_USER, read(WINDOW), "S-mode reads it with SUM", ALLOWED, 0);
  TRY(PTE_DATA | PTE_USER, write(WINDOW), "S-mode writes it with SUM", ALLOWED, 0);
  TRY(READ_EXECUTE | PTE_USER, execute(WINDOW), "S-mode executes it in spite of SUM",
      FETCH_PAGE_FAULT, WINDOW);
  CLEAR_CSR(sstatus, SSTATUS_SUM);
}

static void user(void) {
  TRY(PTE_DATA | PTE_USER, at_user(user_read, WINDOW), "U-mode reads", ALLOWED, 0);
  TRY(PTE_DATA | PTE_USER, at_user(user_write, WINDOW), "U-mode writes", ALLOWED, 0);
  TRY(READ_EXECUTE | PTE_USER, at_user(user_execute, WINDOW), "U-mode executes", ALLOWED, 0);
  TRY(PTE_DATA, at_user(user_read, WINDOW), "U-mode reads a page of S-mode", LOAD_PAGE_FAULT,
      WINDOW);
  TRY(PTE_DATA, at_user(user_write, WINDOW), "U-mode writes a page of S-mode", STORE_PAGE_FAULT,
      WINDOW + 8);
  TRY(READ_EXECUTE, at_user(user_execute, WINDOW), "U-mode executes a page of S-mode",
      FETCH_PAGE_FAULT, WINDOW);
  TRY(READ_ONLY | PTE_USER, at_user(user_write, WINDOW), "U-mode writes what is read-only",
      STORE_PAGE_FAULT, WINDOW + 8);
  TRY(PTE_DATA | PTE_USER, at_user(user_execute, WINDOW), "U-mode executes data", FETCH_PAGE_FAULT,
      WINDOW);
}

#define PTE_PAGE_OF_TABLE (PTE_VALID | PTE_ACCESSED)

static void meaningless(void) {
  TRY(PTE_LEAF | PTE_WRITE, read(WINDOW), "writable and not readable", LOAD_PAGE_FAULT, WINDOW);
  TRY(PTE_LEAF | PTE_WRITE | PTE_EXECUTE, execute(WINDOW), "writable, executable, not readable",
      FETCH_PAGE_FAULT, WINDOW);
  TRY(PTE_DATA | 1UL << 60, read(WINDOW), "a reserved bit", LOAD_PAGE_FAULT, WINDOW);
  TRY(PTE_VALID, read(WINDOW), "a table below the last level", LOAD_PAGE_FAULT, WINDOW);
  TRY(PTE_PAGE_OF_TABLE, read(WINDOW), "a table that has been accessed", LOAD_PAGE_FAULT, WINDOW);
  TRY(0, write(WINDOW), "nothing at all", STORE_PAGE_FAULT, WINDOW + 8);
  directory[1] = pte(code, PTE_DATA);  // 2 MiB, from a page
  invalidate_all();
  begin();
  read(BLOCK);
  refused("a block that is not aligned", LOAD_PAGE_FAULT, BLOCK);
  begin();
  read(NOT_CANONICAL);
  refused("an address that is not canonical", LOAD_PAGE_FAULT, NOT_CANONICAL);
  begin();
  execute(~0UL << 40);
  refused("code at an address that is not mapped", FETCH_PAGE_FAULT, ~0UL << 40);
}

// The VMM has no other answer than the bus has for an address where nothing is.
static void second_stage(void) {
  begin();
  read(G_STAGE_READ_ONLY);
  refused("G-stage: reads", ALLOWED, 0);
  begin();
  write(G_STAGE_READ_ONLY);
  refused("G-stage: writes what is read-only", STORE_ACCESS_FAULT, G_STAGE_READ_ONLY + 8);
  begin();
  exchange(G_STAGE_READ_ONLY);
  refused("G-stage: an AMO on what is read-only", STORE_ACCESS_FAULT, G_STAGE_READ_ONLY);
  begin();
  write(G_STAGE_NO_EXECUTE);
  refused("G-stage: writes", ALLOWED, 0);
  begin();
  execute(G_STAGE_NO_EXECUTE);
  refused("G-stage: executes what is not executable", FETCH_ACCESS_FAULT, G_STAGE_NO_EXECUTE);
}

static void build_tables(void) {
  root[0] = pte((void*)0, PTE_DATA);
  root[2] = pte(kernel_directory, PTE_VALID);
  root[3] = pte(directory, PTE_VALID);
  kernel_directory[(uint64_t)image_start >> 21 & 511] = pte(kernel_pages, PTE_VALID);
  kernel_directory[G_STAGE_READ_ONLY >> 21 & 511] = pte((void*)G_STAGE_READ_ONLY, PTE_RAM);
  for (const char* p = image_start; p < image_end; p += PAGE_SIZE) {
    uint64_t bits = PTE_LEAF | PTE_READ;
    if (p >= data_start) bits |= PTE_WRITE;
    if (p < rodata_start) bits |= PTE_EXECUTE;
    kernel_pages[(uint64_t)p >> 12 & 511] = pte(p, bits);
  }
  directory[0] = pte(pages, PTE_VALID);
  pages[1] = pte(user_text_start, PTE_LEAF | PTE_USER | PTE_READ | PTE_EXECUTE);
}

int main(void) {
  print("permissions: who may do what\n");
  build_tables();
  ((volatile uint32_t*)code)[0] = 0x00008067;  // ret
  __asm__ volatile("fence.i" ::: "memory");
  mmu_enable(root, ASID);
  supervisor();
  user_pages();
  user();
  meaningless();
  second_stage();
  return check_summary("permissions");
}
