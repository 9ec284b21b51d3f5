// How long an instruction is: two bytes unless its lowest two bits are set (Unprivileged ISA, 1.5).
#pragma once

#include <stdint.h>

// `parcel`: its first 16 bits.
static inline unsigned length_of_parcel(uint16_t parcel) { return (parcel & 3) == 3 ? 4 : 2; }
// Of the instruction at `at`, which can be read there.
static inline unsigned instruction_length(uint64_t at) {
  return length_of_parcel(*(const volatile uint16_t*)at);
}
