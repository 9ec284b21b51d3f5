// Stage 1 of EL1&0: 4 KiB granule, 39-bit addresses in TTBR0_EL1, so level 1 is the root
// (DDI 0487, D8.2 and D8.3).
#pragma once

#include <stdint.h>

#define PAGE_SIZE 4096UL
#define TABLE_ENTRIES 512

typedef uint64_t page_table[TABLE_ENTRIES] __attribute__((aligned(4096)));

#define PTE_VALID (1UL << 0)
#define PTE_TABLE (1UL << 1)  // at levels 1 and 2
#define PTE_PAGE (1UL << 1)   // at level 3
#define PTE_NORMAL (0UL << 2)
#define PTE_DEVICE (1UL << 2)
#define PTE_USER (1UL << 6)
#define PTE_READ_ONLY (1UL << 7)
#define PTE_INNER_SHAREABLE (3UL << 8)
#define PTE_ACCESSED (1UL << 10)
#define PTE_NOT_GLOBAL (1UL << 11)
#define PTE_PXN (1UL << 53)
#define PTE_UXN (1UL << 54)

#define PTE_RAM (PTE_VALID | PTE_NORMAL | PTE_INNER_SHAREABLE | PTE_ACCESSED)
#define PTE_IO (PTE_VALID | PTE_DEVICE | PTE_ACCESSED | PTE_PXN | PTE_UXN)

// Before the first mmu_enable, on the first CPU only: lines of the image that the caches may hold
// are dropped, since the guest has so far written past them.
void forget_cached_image(void);

// Turns MMU and caches of this CPU on, with `root` for every address and ASID `asid`.
void mmu_enable(const uint64_t* root, uint64_t asid);

// Makes earlier stores to page tables visible to walks of every CPU.
static inline void publish_tables(void) { __asm__ volatile("dsb ishst\n\tisb" ::: "memory"); }

// Drops what the TLBs of all CPUs hold: of one page and ASID, of one ASID, of everything.
static inline void invalidate_page(uint64_t va, uint64_t asid) {
  uint64_t operand = (va >> 12 & 0xfffffffffffUL) | asid << 48;
  __asm__ volatile("dsb ishst\n\ttlbi vae1is, %0\n\tdsb ish\n\tisb" ::"r"(operand) : "memory");
}
static inline void invalidate_asid(uint64_t asid) {
  __asm__ volatile("dsb ishst\n\ttlbi aside1is, %0\n\tdsb ish\n\tisb" ::"r"(asid << 48) : "memory");
}
static inline void invalidate_all(void) {
  __asm__ volatile("dsb ishst\n\ttlbi vmalle1is\n\tdsb ish\n\tisb" ::: "memory");
}

// A root that maps the first GiB as Device memory and the second, where RAM is, as Normal memory,
// each onto itself.
void map_flat(uint64_t* root);

// On the first CPU, once: such a root, with ASID 0. Others then enable the MMU with it.
void enter_flat_map(uint64_t* root);
