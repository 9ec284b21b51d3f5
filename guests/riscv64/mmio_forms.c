// Loads and stores that take more than their trap's description: compressed ones, those of
// floating-point registers, by the stack pointer, across pages; and those that no device answers.

#include "runtime/device.h"
#include "runtime/mmu.h"

static uint64_t exceptions, cause, address;

// Access faults of data are stepped over and noted; none of those instructions is compressed.
bool guest_exception(struct trap_frame* frame) {
  if (frame->scause != LOAD_ACCESS_FAULT && frame->scause != STORE_ACCESS_FAULT) return false;
  ++exceptions;
  cause = frame->scause;
  address = frame->stval;
  frame->sepc += 4;
  return true;
}

#define COMPRESSED_LOAD(instruction, address)                           \
  __extension__({                                                       \
    register uint64_t value_ __asm__("a0") = ~0UL;                      \
    register uint64_t at_ __asm__("a1") = (uint64_t)(address);          \
    __asm__ volatile(instruction : "+r"(value_) : "r"(at_) : "memory"); \
    value_;                                                             \
  })
#define COMPRESSED_STORE(instruction, address, value)                 \
  do {                                                                \
    register uint64_t value_ __asm__("a0") = (uint64_t)(value);       \
    register uint64_t at_ __asm__("a1") = (uint64_t)(address);        \
    __asm__ volatile(instruction ::"r"(value_), "r"(at_) : "memory"); \
  } while (0)

static void compressed(void) {
  PROGRAM(COMPRESSED_STORE("c.sw a0, 0(a1)", FLASH, 0x87654321));
  check_equal("c.sw, c.lw", COMPRESSED_LOAD("c.lw a0, 0(a1)", FLASH), 0xffffffff87654321);
  PROGRAM(COMPRESSED_STORE("c.sw a0, 124(a1)", FLASH - 124, 0x12));
  check_equal("with an offset", COMPRESSED_LOAD("c.lw a0, 64(a1)", FLASH - 64), 0x12);
  PROGRAM(COMPRESSED_STORE("c.sd a0, 0(a1)", FLASH, 0x123456789abcdef0));
  check_equal("c.sd, c.ld", COMPRESSED_LOAD("c.ld a0, 0(a1)", FLASH), 0x123456789abcdef0);
  PROGRAM(COMPRESSED_STORE("c.sd a0, 248(a1)", FLASH - 248, 0x55));
  check_equal("with an offset", COMPRESSED_LOAD("c.ld a0, 128(a1)", FLASH - 128), 0x55);
}

// `instructions` with sp = %1.
#define BY_STACK_POINTER(instructions) "mv t0, sp\n\tmv sp, %1\n\t" instructions "\n\tmv sp, t0"

static void stack_pointer(void) {
  uint64_t value = 0x1234;
  PROGRAM(__asm__ volatile(BY_STACK_POINTER("c.swsp %0, 8(sp)")::"r"(value), "r"(FLASH - 8) : "t0",
                           "memory"));
  __asm__ volatile(BY_STACK_POINTER("c.lwsp %0, 8(sp)")
                   : "=&r"(value)
                   : "r"(FLASH - 8)
                   : "t0", "memory");
  check_equal("c.swsp, c.lwsp", value, 0x1234);
  value = 0xfedcba9876543210;
  PROGRAM(__asm__ volatile(BY_STACK_POINTER("c.sdsp %0, 16(sp)")::"r"(value),
                           "r"(FLASH - 16) : "t0", "memory"));
  __asm__ volatile(BY_STACK_POINTER("c.ldsp %0, 16(sp)")
                   : "=&r"(value)
                   : "r"(FLASH - 16)
                   : "t0", "memory");
  check_equal("c.sdsp, c.ldsp", value, 0xfedcba9876543210);
}

#define FLOAT ".option push\n\t.option arch, +f, +d, +c\n\t"
#define END "\n\t.option pop"
#define WITH_STACK_POINTER(instruction) "mv t0, sp\n\tmv sp, a1\n\t" instruction "\n\tmv sp, t0"

// What `instruction` loads into fa0 (f10) from the address in a1.
#define LOAD_FLOAT(instruction, address)                                                 \
  __extension__({                                                                        \
    uint64_t value_;                                                                     \
    register uint64_t at_ __asm__("a1") = (uint64_t)(address);                           \
    __asm__ volatile(FLOAT "fmv.d.x fa0, zero\n\t" instruction "\n\tfmv.x.d %0, fa0" END \
                     : "=r"(value_)                                                      \
                     : "r"(at_)                                                          \
                     : "t0", "memory");                                                  \
    value_;                                                                              \
  })
#define STORE_FLOAT(instruction, address, value)                                           \
  do {                                                                                     \
    register uint64_t at_ __asm__("a1") = (uint64_t)(address);                             \
    __asm__ volatile(FLOAT "fmv.d.x fa0, %0\n\t" instruction END ::"r"((uint64_t)(value)), \
                     "r"(at_)                                                              \
                     : "t0", "memory");                                                    \
  } while (0)

static void floating_point(void) {
  SET_CSR(sstatus, SSTATUS_FS);
  PROGRAM(STORE_FLOAT("fsw fa0, 0(a1)", FLASH, 0x40490fdb));
  check_equal("fsw, flw: NaN-boxed", LOAD_FLOAT("flw fa0, 0(a1)", FLASH), 0xffffffff40490fdb);
  check_equal("fsw writes 32 bits", LOAD("lwu", FLASH + 4), 0xffffffff);
  PROGRAM(STORE_FLOAT("fsd fa0, 0(a1)", FLASH, 0x400921fb54442d18));
  check_equal("fsd, fld", LOAD_FLOAT("fld fa0, 0(a1)", FLASH), 0x400921fb54442d18);
  PROGRAM(STORE_FLOAT("c.fsd fa0, 8(a1)", FLASH - 8, 0x4005bf0a8b145769));
  check_equal("c.fsd, c.fld", LOAD_FLOAT("c.fld fa0, 8(a1)", FLASH - 8), 0x4005bf0a8b145769);
  PROGRAM(STORE_FLOAT(WITH_STACK_POINTER("c.fsdsp fa0, 8(sp)"), FLASH - 8, 0x99));
  check_equal("c.fsdsp, c.fldsp", LOAD_FLOAT(WITH_STACK_POINTER("c.fldsp fa0, 8(sp)"), FLASH - 8),
              0x99);
}

static void check_refused(const char* what, uint64_t expected, uint64_t at) {
  check_equal(what, exceptions, 1);
  check_equal("  its cause", cause, expected);
  check_equal("  its address", address, at);
  exceptions = 0;
}

// Nothing can be done to a device's register that nobody comes between.
static void refused(void) {
  uint64_t value = 0;
  __asm__ volatile("lr.w %0, (%1)" : "+r"(value) : "r"(FLASH) : "memory");
  check_refused("lr of a device", LOAD_ACCESS_FAULT, FLASH);
  __asm__ volatile("amoadd.w %0, %0, (%1)" : "+r"(value) : "r"(FLASH) : "memory");
  check_refused("amoadd of a device", STORE_ACCESS_FAULT, FLASH);
  // Nothing at all is there.
  __asm__ volatile(".option push\n\t.option norvc\n\tld %0, 0(%1)\n\t.option pop"
                   : "+r"(value)
                   : "r"(0x0affff00UL)
                   : "memory");
  check_refused("ld of nothing", LOAD_ACCESS_FAULT, 0x0affff00);
  __asm__ volatile("sb %0, 1(%1)" ::"r"(value), "r"(0x0affff00UL) : "memory");
  check_refused("sb to nothing", STORE_ACCESS_FAULT, 0x0affff01);
}

// Memory, the device, and memory, next to each other.
#define WINDOW 0xc0000000UL
static page_table root, directory, pages;
static uint8_t before[PAGE_SIZE] __attribute__((aligned(4096)));

static void map_window(void) {
  map_flat(root);
  root[3] = pte(directory, PTE_VALID);
  directory[0] = pte(pages, PTE_VALID);
  pages[0] = pte(before, PTE_DATA);
  pages[1] = pte((void*)UART_BASE, PTE_DATA);
  mmu_enable(root, 1);
}

static void across_pages(void) {
  const uint64_t at = WINDOW + PAGE_SIZE - 4;
  uint64_t value;
  *(volatile uint32_t*)at = 0xa1b2c3d4;
  // What a device is asked for that is wider than its registers is the bus's affair.
  __asm__ volatile("ld %0, 0(%1)" : "=r"(value) : "r"(at) : "memory");
  check_equal("memory, then device", value & 0xffffffff, 0xa1b2c3d4);
  __asm__ volatile("lw %0, 2(%1)" : "=r"(value) : "r"(at) : "memory");
  check_equal("half a word of each", value & 0xffff, 0xa1b2);
  // The byte that reaches the data register is 0x21, an exclamation mark.
  __asm__ volatile("sd %0, 0(%1)" ::"r"(0x2100000000UL), "r"(at) : "memory");
  check_equal("memory before the device", *(volatile uint32_t*)at, 0);
  print("\n");
}

int main(void) {
  print("mmio_forms: more than widths and registers\n");
  compressed();
  stack_pointer();
  floating_point();
  refused();
  map_window();
  across_pages();
  return check_summary("mmio_forms");
}
