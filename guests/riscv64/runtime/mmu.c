#include "mmu.h"

#include "guest.h"

#define SATP_SV39 (8UL << 60)

void mmu_enable(const uint64_t* root, uint64_t asid) {
  memory_barrier();
  WRITE_CSR(satp, SATP_SV39 | asid << 44 | (uint64_t)root >> 12);
  invalidate_all();
}

void map_flat(uint64_t* root) {
  root[0] = pte((void*)0, PTE_DATA);
  root[2] = pte((void*)RAM_BASE, PTE_RAM);
}

void enter_flat_map(uint64_t* root) {
  map_flat(root);
  mmu_enable(root, 0);
}
