// Address translation of S-mode and U-mode: Sv39, whose root is level 2 (Privileged ISA, chapter
// "Supervisor-Level ISA").
#pragma once

#include <stdint.h>

#define PAGE_SIZE 4096UL
#define TABLE_ENTRIES 512

typedef uint64_t page_table[TABLE_ENTRIES] __attribute__((aligned(4096)));

#define PTE_VALID (1UL << 0)  // alone: a pointer to the next table
#define PTE_READ (1UL << 1)
#define PTE_WRITE (1UL << 2)
#define PTE_EXECUTE (1UL << 3)
#define PTE_USER (1UL << 4)
#define PTE_GLOBAL (1UL << 5)
#define PTE_ACCESSED (1UL << 6)
#define PTE_DIRTY (1UL << 7)

// A leaf that has been accessed and written: whoever clears one of the two says so.
#define PTE_LEAF (PTE_VALID | PTE_ACCESSED | PTE_DIRTY)
#define PTE_DATA (PTE_LEAF | PTE_READ | PTE_WRITE)
#define PTE_RAM (PTE_DATA | PTE_EXECUTE)

// The entry for what lies at `address`, a table or a page.
static inline uint64_t pte(const volatile void* address, uint64_t bits) {
  return (uint64_t)address >> 12 << 10 | bits;
}

// Turns translation of this hart on, with `root` and ASID `asid`.
void mmu_enable(const uint64_t* root, uint64_t asid);

// Makes earlier stores to page tables visible to this hart's walks and drops what its TLB holds: of
// one page and ASID, of one ASID, of everything. Entries of global mappings survive the first two.
static inline void invalidate_page(uint64_t va, uint64_t asid) {
  __asm__ volatile("sfence.vma %0, %1" ::"r"(va), "r"(asid) : "memory");
}
static inline void invalidate_asid(uint64_t asid) {
  __asm__ volatile("sfence.vma zero, %0" ::"r"(asid) : "memory");
}
static inline void invalidate_all(void) { __asm__ volatile("sfence.vma" ::: "memory"); }

// A root that maps the first GiB, for devices, and the third, where RAM is, each onto itself.
void map_flat(uint64_t* root);

// On the first hart, once: such a root, with ASID 0. Others then turn translation on with it.
void enter_flat_map(uint64_t* root);
