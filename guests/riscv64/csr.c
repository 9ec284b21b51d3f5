// Control and status registers of S-mode: what they hold, and what they do not.

#include "runtime/guest.h"
#include "runtime/interrupts.h"

// Writes all ones, or `value`, and gives what is there then; what was there before comes back.
#define WRITTEN(name, value)           \
  __extension__({                      \
    uint64_t before_ = READ_CSR(name); \
    WRITE_CSR(name, value);            \
    uint64_t after_ = READ_CSR(name);  \
    WRITE_CSR(name, before_);          \
    after_;                            \
  })

static void status(void) {
  uint64_t value = READ_CSR(sstatus);
  check_equal("sstatus.SIE", value & SSTATUS_SIE, 0);
  const uint64_t bits[] = {SSTATUS_SPIE, SSTATUS_SPP, SSTATUS_SUM, SSTATUS_MXR};
  for (unsigned n = 0; n < sizeof bits / sizeof bits[0]; ++n) {
    check_equal("a bit of sstatus, set", WRITTEN(sstatus, value | bits[n]) & bits[n], bits[n]);
    check_equal("a bit of sstatus, clear", WRITTEN(sstatus, value & ~bits[n]) & bits[n], 0);
  }
  check_equal("sstatus.FS dirty: SD", WRITTEN(sstatus, value | SSTATUS_FS) & SSTATUS_SD,
              SSTATUS_SD);
  check_equal("sstatus.FS off: no SD", WRITTEN(sstatus, value & ~SSTATUS_FS) & SSTATUS_SD, 0);
  check_equal("bits of M-mode in sstatus", WRITTEN(sstatus, value | 0x1888) & 0x1888, 0);
}

static void interrupts(void) {
  check_equal("sie", WRITTEN(sie, ~0UL) & 0x222, 0x222);
  check_equal("sie: bits of M-mode and of the hypervisor", WRITTEN(sie, ~0UL) & 0x1dcc, 0);
  check_equal("sip.SSIP can be set", WRITTEN(sip, 0x2) & 0x2, 0x2);
  check_equal("sip.STIP and SEIP cannot", WRITTEN(sip, 0x220) & 0x220, 0);
}

static void traps(void) {
  check_equal("sscratch", WRITTEN(sscratch, 0x0123456789abcdef), 0x0123456789abcdef);
  check_equal("sepc", WRITTEN(sepc, 0x80200002), 0x80200002);
  check_equal("scause", WRITTEN(scause, 15), 15);
  check_equal("stval", WRITTEN(stval, 0xffffffc012345678), 0xffffffc012345678);
  uint64_t vector = READ_CSR(stvec);
  check_equal("stvec: direct", vector & 3, 0);
  check_equal("stvec: vectored", WRITTEN(stvec, vector | 1), vector | 1);
}

static void translation(void) {
  check_equal("satp: no translation", READ_CSR(satp) >> 60, 0);
  check_equal("satp: an unknown mode changes nothing", WRITTEN(satp, 5UL << 60 | 0x123), 0);
}

static void environment(void) {
  check_equal("scounteren", WRITTEN(scounteren, 7) & 7, 7);
  check_equal("senvcfg.FIOM", WRITTEN(senvcfg, 1) & 1, 1);
  check_equal("senvcfg: reserved bits", WRITTEN(senvcfg, ~0UL) >> 34, 0);
}

static void time(void) {
  uint64_t first = read_time();
  for (volatile unsigned n = 0; n < 1000;) n = n + 1;
  check("time goes on", read_time() > first);
}

int main(void) {
  status();
  interrupts();
  traps();
  translation();
  environment();
  time();
  return check_summary("csr");
}
