// Every ordinary load and store, against a device's register and flash: widths, sign extension, x0,
// offsets.

#include "runtime/device.h"

static void scratch_register(void) {
  STORE("sb", SCRATCH, 0xffffff5a);
  check_equal("lb, bit 7 clear", LOAD("lb", SCRATCH), 0x5a);
  check_equal("lbu, bit 7 clear", LOAD("lbu", SCRATCH), 0x5a);
  STORE("sb", SCRATCH, 0xa5);
  check_equal("lb, bit 7 set", LOAD("lb", SCRATCH), ~0x5aUL);
  check_equal("lbu, bit 7 set", LOAD("lbu", SCRATCH), 0xa5);
}

static void wider_than_the_register(void) {
  STORE("sh", MODEM_CONTROL, 0xff01);
  check_equal("sh, lh of a register of a byte", LOAD("lh", MODEM_CONTROL), 0x01);
  STORE("sw", MODEM_CONTROL, 0xffffff02);
  check_equal("sw, lw of a register of a byte", LOAD("lw", MODEM_CONTROL), 0x02);
}

static void loads(void) {
  PROGRAM(STORE("sw", FLASH, 0x81827384));
  flash_program();
  STORE("sw", FLASH + 4, 0x09abcdef);
  flash_read_array();
  check_equal("ld", LOAD("ld", FLASH), 0x09abcdef81827384);
  check_equal("lw, bit 31 set", LOAD("lw", FLASH), 0xffffffff81827384);
  check_equal("lwu, bit 31 set", LOAD("lwu", FLASH), 0x81827384);
  check_equal("lw, bit 31 clear", LOAD("lw", FLASH + 4), 0x09abcdef);
  check_equal("lwu, bit 31 clear", LOAD("lwu", FLASH + 4), 0x09abcdef);
  check_equal("lh, bit 15 set", LOAD("lh", FLASH + 2), 0xffffffffffff8182);
  check_equal("lhu, bit 15 set", LOAD("lhu", FLASH + 2), 0x8182);
  check_equal("lh, bit 15 clear", LOAD("lh", FLASH), 0x7384);
  check_equal("lhu, bit 15 clear", LOAD("lhu", FLASH), 0x7384);
  check_equal("lb, bit 7 set", LOAD("lb", FLASH + 3), 0xffffffffffffff81);
  check_equal("lb, bit 7 clear", LOAD("lb", FLASH + 1), 0x73);
  check_equal("lw at an odd address", LOAD("lw", FLASH + 1), 0xffffffffef818273);
}

static void stores(void) {
  PROGRAM(STORE("sb", FLASH + 1, 0xffffff44));
  check_equal("sb", LOAD("ld", FLASH), 0xffffffffffff44ff);
  PROGRAM(STORE("sh", FLASH + 2, 0xffff5566));
  check_equal("sh", LOAD("ld", FLASH), 0xffffffff5566ffff);
  PROGRAM(STORE("sw", FLASH + 4, 0xffffffff12345678));
  check_equal("sw", LOAD("ld", FLASH), 0x12345678ffffffff);
  PROGRAM(STORE("sd", FLASH, 0x0123456789abcdef));
  check_equal("sd", LOAD("ld", FLASH), 0x0123456789abcdef);
}

static void zero_register(void) {
  PROGRAM(__asm__ volatile("sw zero, 0(%0)" ::"r"(FLASH) : "memory"));
  check_equal("sw zero", LOAD("ld", FLASH), 0xffffffff00000000);
  STORE("sb", SCRATCH, 0x77);
  __asm__ volatile("sb zero, 0(%0)" ::"r"(SCRATCH) : "memory");
  check_equal("sb zero", LOAD("lbu", SCRATCH), 0);
  STORE("sb", SCRATCH, 0x77);
  uint64_t value;
  __asm__ volatile(
      "lb zero, 0(%1)\n\t"
      "lbu zero, 0(%1)\n\t"
      "mv %0, zero"
      : "=r"(value)
      : "r"(SCRATCH)
      : "memory");
  check_equal("loads into x0", value, 0);
}

static void offsets(void) {
  uint64_t at = UART_BASE;
  uint64_t value;
  __asm__ volatile("lbu %0, 7(%1)" : "=r"(value) : "r"(at) : "memory");
  check_equal("an offset", value, 0x77);
  __asm__ volatile("lbu %0, -2048(%1)" : "=r"(value) : "r"(SCRATCH + 2048) : "memory");
  check_equal("the least offset", value, 0x77);
  __asm__ volatile("sb %0, 2047(%1)" ::"r"(0x66), "r"(SCRATCH - 2047) : "memory");
  check_equal("the greatest offset", LOAD("lbu", SCRATCH), 0x66);
  at = SCRATCH;
  __asm__ volatile("lbu %0, 0(%0)" : "+r"(at) : : "memory");
  check_equal("target is base", at, 0x66);
}

int main(void) {
  print("mmio: loads and stores at 0x%lx and 0x%lx\n", SCRATCH, FLASH);
  scratch_register();
  wider_than_the_register();
  loads();
  stores();
  zero_register();
  offsets();
  return check_summary("mmio");
}
