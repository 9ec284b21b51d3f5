// Waits for interrupts that never come, for ever: one trap in two instructions.
    .section .text.start, "ax"
    .global _start
_start:
1:  wfi
    j       1b
