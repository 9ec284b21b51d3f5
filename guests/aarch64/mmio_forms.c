// Loads and stores of which a data abort's syndrome tells nothing (ESR_EL2.ISV = 0), against
// registers of the PL011: pairs, write-back, SIMD registers, DC ZVA, accesses across the end of a
// page; and the forms that no device answers.

#include "runtime/guest.h"
#include "runtime/mmu.h"

// PL011 registers (Arm DDI 0183, 3.2).
enum {
  IBRD = 0x024,        // 16 bits
  FBRD = 0x028,        // 6 bits
  CR = 0x030,          // on, transmitter and receiver on
  IFLS = 0x034,        // 6 bits
  IMSC = 0x038,        // 11 bits
  PERIPH_ID0 = 0xfe0,  // 0x11, 0x10, 0x_4, 0x00
  PCELL_ID0 = 0xff0,   // 0x0d, 0xf0, 0x05, 0xb1
  PCELL_ID3 = 0xffc,
};

static uint64_t aborts, abort_status, abort_address;

// External aborts of data accesses are stepped over and noted.
bool guest_exception(struct exception_frame* frame) {
  if (exception_class(frame) != EC_DATA_ABORT_SAME) return false;
  ++aborts;
  abort_status = frame->esr & 0x3f;
  abort_address = frame->far;
  frame->elr += 4;
  return true;
}

static volatile uint32_t* device(unsigned offset) {
  return (volatile uint32_t*)(UART_BASE + offset);
}

static void pairs(void) {
  uint64_t a, b;
  __asm__ volatile("ldp %w0, %w1, [%2]" : "=&r"(a), "=&r"(b) : "r"(device(PCELL_ID0)));
  check_equal("ldp w, first", a, 0x0d);
  check_equal("ldp w, second", b, 0xf0);
  __asm__ volatile("ldnp %w0, %w1, [%2, #8]" : "=&r"(a), "=&r"(b) : "r"(device(PCELL_ID0)));
  check_equal("ldnp w, first", a, 0x05);
  check_equal("ldnp w, second", b, 0xb1);
  __asm__ volatile("ldpsw %0, %1, [%2]" : "=&r"(a), "=&r"(b) : "r"(device(PCELL_ID0)));
  check_equal("ldpsw, second", b, 0xf0);
  __asm__ volatile("stp %w0, wzr, [%1]" ::"r"(0x15), "r"(device(IFLS)) : "memory");
  check_equal("stp w, first", *device(IFLS), 0x15);
  check_equal("stp w, second is wzr", *device(IMSC), 0);
  __asm__ volatile("stnp %w0, %w1, [%2]" ::"r"(0x12), "r"(0x34), "r"(device(IBRD)) : "memory");
  check_equal("stnp w, first", *device(IBRD), 0x12);
  check_equal("stnp w, second", *device(FBRD), 0x34);
}

static void write_back(void) {
  uint64_t value, base = (uint64_t)device(PCELL_ID0);
  __asm__ volatile("ldr %w0, [%1], #4" : "=&r"(value), "+r"(base));
  check_equal("post-index load", value, 0x0d);
  check_equal("base after it", base, (uint64_t)device(PCELL_ID0 + 4));
  __asm__ volatile("ldrsb %0, [%1, #-4]!" : "=&r"(value), "+r"(base));
  check_equal("pre-index load", value, 0x0d);
  check_equal("base before it", base, (uint64_t)device(PCELL_ID0));
  base = (uint64_t)device(IBRD);
  __asm__ volatile("strh %w1, [%0], #4" : "+r"(base) : "r"(0x4321) : "memory");
  check_equal("post-index store", *device(IBRD), 0x4321);
  check_equal("base after it", base, (uint64_t)device(FBRD));
  uint64_t first, second;
  base = (uint64_t)device(PCELL_ID0 - 8);
  __asm__ volatile("ldp %w0, %w1, [%2, #8]!" : "=&r"(first), "=&r"(second), "+r"(base));
  check_equal("pre-index pair", first << 8 | second, 0x0df0);
  check_equal("its base", base, (uint64_t)device(PCELL_ID0));
}

static void stack_pointer(void) {
  uint64_t value, after;
  __asm__ volatile("mov x9, sp\n\tmov sp, %2\n\tldr %w0, [sp], #4\n\tmov %1, sp\n\tmov sp, x9"
                   : "=&r"(value), "=&r"(after)
                   : "r"(device(PCELL_ID0))
                   : "x9", "memory");
  check_equal("load by the stack pointer", value, 0x0d);
  check_equal("stack pointer after it", after, (uint64_t)device(PCELL_ID0 + 4));
}

#define SIMD ".arch_extension fp\n\t.arch_extension simd\n\t"
// Loads a SIMD register of one width, which zeroes the rest, and gives both halves.
#define LOAD_SIMD(name, offset)                           \
  __asm__ volatile(SIMD "movi v0.16b, #0xff\n\tldr " name \
                        "0, [%2]\n\tumov %0, v0.d[0]\n\t" \
                        "umov %1, v0.d[1]"                \
                   : "=&r"(low), "=&r"(high)              \
                   : "r"(device(offset))                  \
                   : "memory")

static void simd(void) {
  WRITE_SYSREG(cpacr_el1, 3UL << 20);
  __asm__ volatile("isb");
  uint64_t low, high;
  LOAD_SIMD("b", PCELL_ID3);
  check_equal("ldr b", low, 0xb1);
  LOAD_SIMD("h", PCELL_ID3);
  check_equal("ldr h", low, 0xb1);
  LOAD_SIMD("s", PCELL_ID3);
  check_equal("ldr s", low, 0xb1);
  check_equal("ldr s, upper half", high, 0);
  LOAD_SIMD("d", PCELL_ID0 + 8);
  check_equal("ldr d", low & 0xffffffff, 0x05);
  check_equal("ldr d, upper half", high, 0);
  LOAD_SIMD("q", PCELL_ID0);
  check_equal("ldr q", low & 0xffffffff, 0x0d);
  check_equal("ldr q, upper half", high & 0xffffffff, 0x05);
  __asm__ volatile(SIMD "ldp s0, s1, [%2]\n\tumov %w0, v0.s[0]\n\tumov %w1, v1.s[0]"
                   : "=&r"(low), "=&r"(high)
                   : "r"(device(PCELL_ID0)));
  check_equal("ldp s", low << 8 | high, 0x0df0);
  __asm__ volatile(SIMD "fmov d0, %0\n\tstr h0, [%1]" ::"r"(0x8765UL), "r"(device(IBRD))
                   : "memory");
  check_equal("str h", *device(IBRD), 0x8765);
  __asm__ volatile(SIMD "fmov d0, %0\n\tstp s0, s0, [%1]" ::"r"(0x2aUL), "r"(device(IBRD))
                   : "memory");
  check_equal("stp s, first", *device(IBRD), 0x2a);
  check_equal("stp s, second", *device(FBRD), 0x2a);
}

static void check_abort(const char* what, uint64_t far) {
  check_equal(what, aborts, 1);
  check_equal("  its status: external abort", abort_status, 0x10);
  check_equal("  its address", abort_address, far);
  aborts = 0;
}

static void refused(void) {
  uint64_t value = 0;
  __asm__ volatile("ldxr %w0, [%1]" : "+r"(value) : "r"(device(IBRD)) : "memory");
  check_abort("ldxr of a device", (uint64_t)device(IBRD));
  __asm__ volatile(SIMD "ld1 {v0.4s}, [%0]" ::"r"(device(PCELL_ID0)) : "memory");
  check_abort("ld1 of a device", (uint64_t)device(PCELL_ID0));
  __asm__ volatile("prfm pldl1keep, [%0]" ::"r"(device(IBRD)) : "memory");
  check_equal("aborts by prfm", aborts, 0);
  // Nothing at all is there.
  __asm__ volatile("ldp %0, xzr, [%1]" : "+r"(value) : "r"(0x0affff00UL) : "memory");
  check_abort("ldp of nothing", 0x0affff00UL);
}

// Memory, the device, and memory, next to each other as Normal memory.
#define WINDOW 0x80000000UL
static page_table root, second_level, third_level;
static uint8_t before[PAGE_SIZE] __attribute__((aligned(4096)));
static uint8_t behind[PAGE_SIZE] __attribute__((aligned(4096)));

static void map_window(void) {
  const uint64_t page = PTE_RAM | PTE_PAGE | PTE_UXN | PTE_PXN;
  map_flat(root);
  root[2] = (uint64_t)second_level | PTE_TABLE | PTE_VALID;
  second_level[0] = (uint64_t)third_level | PTE_TABLE | PTE_VALID;
  third_level[0] = (uint64_t)before | page;
  third_level[1] = UART_BASE | page;
  third_level[2] = (uint64_t)behind | page;
  third_level[3] = UART_BASE | page;
  forget_cached_image();
  publish_tables();
  mmu_enable(root, 1);
}

static void across_pages(void) {
  uint64_t value;
  *(volatile uint32_t*)(WINDOW + PAGE_SIZE - 4) = 0xa1b2c3d4;
  // The data register is empty: its bytes are 0.
  __asm__ volatile("ldr %0, [%1]" : "=r"(value) : "r"(WINDOW + PAGE_SIZE - 4) : "memory");
  check_equal("memory, then device", value, 0xa1b2c3d4);
  __asm__ volatile("ldp %w0, wzr, [%1]" : "=r"(value) : "r"(WINDOW + PAGE_SIZE - 4) : "memory");
  check_equal("pair of memory and device", value, 0xa1b2c3d4);
  // The byte that reaches the data register is 0x21, an exclamation mark.
  __asm__ volatile("str %0, [%1]" ::"r"(0x2100000000UL), "r"(WINDOW + PAGE_SIZE - 4) : "memory");
  check_equal("memory before the device", *(volatile uint32_t*)(WINDOW + PAGE_SIZE - 4), 0);
  print("\n");
}

static void zero_block(void) {
  *device(FBRD) = 0x22;
  __asm__ volatile("dc zva, %0" ::"r"(WINDOW + PAGE_SIZE + IBRD) : "memory");
  uint64_t control = *device(CR);
  *device(CR) = 0x301;  // on again
  check_equal("dc zva: CR", control, 0);
  check_equal("dc zva: FBRD", *device(FBRD), 0);
}

int main(void) {
  print("mmio_forms: what syndromes do not describe\n");
  pairs();
  write_back();
  stack_pointer();
  simd();
  refused();
  map_window();
  across_pages();
  zero_block();
  return check_summary("mmio_forms");
}
