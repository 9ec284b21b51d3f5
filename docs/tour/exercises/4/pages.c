// Exercise 4: have the TLB forget what it must, and nothing else.

#include "tour/pages.h"

void give(uint64_t* entry, uint64_t descriptor) {
  *entry = descriptor;
  invalidate_all();
}

void protect(uint64_t* entry, uint64_t va, uint64_t asid) {
  (void)va;
  *entry |= PTE_READ_ONLY;
  invalidate_asid(asid);
}

void take(uint64_t* entry, uint64_t va, uint64_t asid) {
  (void)va;
  (void)asid;
  *entry = 0;
  publish_tables();
}
