// Exercise 4, solved.

#include "tour/pages.h"

void give(uint64_t* entry, uint64_t descriptor) {
  *entry = descriptor;
  publish_tables();
}

void protect(uint64_t* entry, uint64_t va, uint64_t asid) {
  *entry |= PTE_READ_ONLY;
  invalidate_page(va, asid);
}

void take(uint64_t* entry, uint64_t va, uint64_t asid) {
  *entry = 0;
  invalidate_page(va, asid);
}
