// Every form of load and store that a data abort's syndrome describes (ESR_EL2.ISV = 1), against
// registers of the PL011 whose values are known: widths, sign extension, WZR and XZR, acquire and
// release, addressing modes without write-back.

#include "runtime/guest.h"

// PL011 registers (Arm DDI 0183, 3.2).
enum {
  FR = 0x018,
  IBRD = 0x024,        // 16 bits
  FBRD = 0x028,        // 6 bits
  IMSC = 0x038,        // 11 bits; RIS, read-only, follows it
  PERIPH_ID0 = 0xfe0,  // 0x11
  PERIPH_ID1 = 0xfe4,  // 0x10
  PERIPH_ID2 = 0xfe8,  // 0x_4, revision in the upper half
  PERIPH_ID3 = 0xfec,  // 0x00
  PCELL_ID0 = 0xff0,   // 0x0d, 0xf0, 0x05, 0xb1
  PCELL_ID1 = 0xff4,
  PCELL_ID2 = 0xff8,
  PCELL_ID3 = 0xffc,
};

// Executes one load into a register that held all ones before.
#define LOAD(instruction, size, offset)              \
  __extension__({                                    \
    uint64_t value_ = ~0UL;                          \
    __asm__ volatile(instruction " %" size "0, [%1]" \
                     : "+r"(value_)                  \
                     : "r"(UART_BASE + (offset))     \
                     : "memory");                    \
    value_;                                          \
  })
#define STORE(instruction, size, offset, value)                              \
  __asm__ volatile(instruction " %" size "0, [%1]" ::"r"((uint64_t)(value)), \
                   "r"(UART_BASE + (offset))                                 \
                   : "memory")

static void identification(void) {
  static const uint8_t expected[] = {0x11, 0x10, 0x04, 0x00, 0x0d, 0xf0, 0x05, 0xb1};
  for (unsigned n = 0; n < 8; ++n) {
    uint64_t value = LOAD("ldr", "w", PERIPH_ID0 + 4 * n);
    check_equal("identification register", n == 2 ? value & 0x0f : value, expected[n]);
  }
}

static void load_widths(void) {
  check_equal("ldrb w", LOAD("ldrb", "w", PCELL_ID3), 0xb1);
  check_equal("ldrh w", LOAD("ldrh", "w", PCELL_ID3), 0xb1);
  check_equal("ldr w", LOAD("ldr", "w", PCELL_ID3), 0xb1);
  // What the other half of a doubleword reads as is the bus's affair.
  check_equal("ldr x", LOAD("ldr", "x", PCELL_ID2) & 0xffffffff, 0x05);
}

static void sign_extension(void) {
  check_equal("ldrsb w, bit 7 set", LOAD("ldrsb", "w", PCELL_ID1), 0xfffffff0);
  check_equal("ldrsb x, bit 7 set", LOAD("ldrsb", "x", PCELL_ID1), ~0x0fUL);
  check_equal("ldrsb w, bit 7 clear", LOAD("ldrsb", "w", PCELL_ID0), 0x0d);
  check_equal("ldrsb x, bit 7 clear", LOAD("ldrsb", "x", PCELL_ID0), 0x0d);
  STORE("str", "w", IBRD, 0x8001);
  check_equal("ldrsh w, bit 15 set", LOAD("ldrsh", "w", IBRD), 0xffff8001);
  check_equal("ldrsh x, bit 15 set", LOAD("ldrsh", "x", IBRD), ~0x7ffeUL);
  check_equal("ldrsh w, bit 15 clear", LOAD("ldrsh", "w", PCELL_ID1), 0xf0);
  check_equal("ldrsh x, bit 15 clear", LOAD("ldrsh", "x", PCELL_ID1), 0xf0);
  check_equal("ldrsw x", LOAD("ldrsw", "x", IBRD), 0x8001);
}

static void store_widths(void) {
  STORE("str", "w", IBRD, 0x1234);
  check_equal("str w", LOAD("ldr", "w", IBRD), 0x1234);
  STORE("strh", "w", IBRD, 0xffff5678);
  check_equal("strh w", LOAD("ldr", "w", IBRD), 0x5678);
  STORE("strb", "w", FBRD, 0xffffff2a);
  check_equal("strb w", LOAD("ldr", "w", FBRD), 0x2a);
  STORE("str", "x", IMSC, 0x7f0);
  check_equal("str x", LOAD("ldr", "w", IMSC), 0x7f0);
}

static void zero_register(void) {
  uint64_t at = UART_BASE;
  __asm__ volatile("str wzr, [%0, #0x24]" ::"r"(at) : "memory");
  check_equal("str wzr", LOAD("ldr", "w", IBRD), 0);
  STORE("str", "w", IBRD, 0x1234);
  __asm__ volatile("strh wzr, [%0, #0x24]" ::"r"(at) : "memory");
  check_equal("strh wzr", LOAD("ldr", "w", IBRD), 0);
  __asm__ volatile("strb wzr, [%0, #0x28]" ::"r"(at) : "memory");
  check_equal("strb wzr", LOAD("ldr", "w", FBRD), 0);
  __asm__ volatile("str xzr, [%0, #0x38]" ::"r"(at) : "memory");
  check_equal("str xzr", LOAD("ldr", "w", IMSC), 0);

  // Nothing to see but that the stack pointer, number 31 too, is left alone.
  uint64_t before;
  uint64_t after;
  __asm__ volatile(
      "mov %0, sp\n\t"
      "ldr wzr, [%2, #0xff0]\n\t"
      "ldr xzr, [%2, #0xff0]\n\t"
      "ldrb wzr, [%2, #0xff0]\n\t"
      "ldrh wzr, [%2, #0xff0]\n\t"
      "ldrsb wzr, [%2, #0xff4]\n\t"
      "ldrsb xzr, [%2, #0xff4]\n\t"
      "ldrsh xzr, [%2, #0xff4]\n\t"
      "ldrsw xzr, [%2, #0xff4]\n\t"
      "mov %1, sp"
      : "=&r"(before), "=&r"(after)
      : "r"(at)
      : "memory");
  check_equal("loads to the zero register leave SP", after, before);
}

static void addressing(void) {
  uint64_t value;
  uint64_t at = UART_BASE;
  __asm__ volatile("ldr %w0, [%1, %2]" : "=r"(value) : "r"(at), "r"((uint64_t)PCELL_ID0));
  check_equal("register offset", value, 0x0d);
  __asm__ volatile("ldr %w0, [%1, %w2, uxtw #2]" : "=r"(value) : "r"(at), "r"(PCELL_ID1 / 4));
  check_equal("extended register offset", value, 0xf0);
  __asm__ volatile("ldur %w0, [%1, #-4]" : "=r"(value) : "r"(at + PCELL_ID1 + 4));
  check_equal("unscaled offset", value, 0xf0);
  __asm__ volatile("ldr %w0, [%0]" : "+r"(at) : : "memory");  // base and target are one register
  check_equal("target is base", at, LOAD("ldr", "w", 0));
}

static void acquire_release(void) {
  STORE("stlr", "w", IBRD, 0x4321);
  check_equal("stlr, ldar w", LOAD("ldar", "w", IBRD), 0x4321);
  STORE("stlrh", "w", IBRD, 0x8765);
  check_equal("stlrh, ldarh", LOAD("ldarh", "w", IBRD), 0x8765);
  STORE("stlrb", "w", FBRD, 0x15);
  check_equal("stlrb, ldarb", LOAD("ldarb", "w", FBRD), 0x15);
}

int main(void) {
  print("mmio: loads and stores at 0x%lx\n", UART_BASE);
  check("FR: transmitter ready", (LOAD("ldr", "w", FR) & 1U << 5) == 0);
  identification();
  load_widths();
  sign_extension();
  store_widths();
  zero_register();
  addressing();
  acquire_release();
  return check_summary("mmio");
}
