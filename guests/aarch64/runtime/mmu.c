#include "mmu.h"

#include "guest.h"

// MAIR_EL1: attribute 0 Normal write-back, attribute 1 Device-nGnRE (D24.2.109).
#define MAIR 0x04ffUL
// TCR_EL1: T0SZ 25, write-back walks, inner shareable, 4 KiB, no TTBR1, 36-bit output (D24.2.144).
#define TCR (25UL | 1UL << 8 | 1UL << 10 | 3UL << 12 | 1UL << 23 | 1UL << 32)
// SCTLR_EL1: RES1 bits of Armv8.0; M, C, SA, SA0, SED, I, DZE, UCT, nTWI, nTWE, UCI (D24.2.124).
#define SCTLR 0x34d5d91dUL

extern char data_start[];
extern char image_end[];

void forget_cached_image(void) {
  uint64_t line_size = 4UL << (READ_SYSREG(ctr_el0) >> 16 & 0xf);
  for (char* line = data_start; line < image_end; line += line_size) {
    __asm__ volatile("dc ivac, %0" ::"r"(line) : "memory");
  }
  __asm__ volatile("dsb sy" ::: "memory");
}

void mmu_enable(const uint64_t* root, uint64_t asid) {
  WRITE_SYSREG(mair_el1, MAIR);
  WRITE_SYSREG(tcr_el1, TCR);
  WRITE_SYSREG(ttbr0_el1, (uint64_t)root | asid << 48);
  __asm__ volatile("isb\n\ttlbi vmalle1\n\tdsb nsh\n\tisb" ::: "memory");
  WRITE_SYSREG(sctlr_el1, SCTLR);
  __asm__ volatile("isb" ::: "memory");
}

void map_flat(uint64_t* root) {
  root[0] = PTE_IO;
  root[1] = 0x40000000UL | PTE_RAM;
}

void enter_flat_map(uint64_t* root) {
  map_flat(root);
  forget_cached_image();
  mmu_enable(root, 0);
}
