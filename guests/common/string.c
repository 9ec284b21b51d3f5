// The functions that compilers call on their own account. Nothing here is read or written
// unaligned: not every machine permits that, and AArch64's only with the MMU on.

#include <stddef.h>

void* memcpy(void* restrict to, const void* restrict from, size_t n) {
  char* t = to;
  const char* f = from;
  for (; n > 0; --n) *t++ = *f++;
  return to;
}

void* memset(void* to, int value, size_t n) {
  char* t = to;
  for (; n > 0; --n) *t++ = (char)value;
  return to;
}
