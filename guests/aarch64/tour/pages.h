// Exercise 4 of docs/tour: what tour/4/pages.c defines, for a page of one address space.
#pragma once

#include "../runtime/guest.h"
#include "../runtime/mmu.h"

// `entry` is invalid: makes it valid.
void give(uint64_t* entry, uint64_t descriptor);
// Makes the page at `va` in the address space `asid`, which `entry` maps, read-only.
void protect(uint64_t* entry, uint64_t va, uint64_t asid);
// Makes `entry` invalid; nothing may reach the page at `va` in the address space `asid` any more.
void take(uint64_t* entry, uint64_t va, uint64_t asid);
