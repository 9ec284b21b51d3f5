// The 16550A's line status, for ever: one guest-page fault in two instructions.
    .section .text.start, "ax"
    .global _start
_start:
    li      a0, 0x10000000
1:  lbu     a1, 5(a0)
    j       1b
