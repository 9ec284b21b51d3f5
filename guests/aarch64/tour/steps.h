// Lesson 5 of docs/tour: the steps of a change from a block to a table, in an order of one's
// choice.
#pragma once

enum step {
  BREAK,     // the entry becomes invalid
  MAKE,      // the entry becomes one of a table: its first page is frame B, the others stay
  COPY,      // frame A, the block's first page, is copied to frame B
  TLBI_ONE,  // TLBI VAE1: this CPU forgets the block
  TLBI_ALL,  // TLBI VAE1IS: all CPUs do
  DSB,       // DSB ISH: waits until others see earlier stores, and have done earlier TLBIs
};

extern const enum step steps[];
extern const unsigned step_count;
