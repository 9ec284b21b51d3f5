// Writes of ACTLR_EL1, for ever: one system-register trap in two instructions.
    .section .text.start, "ax"
    .global _start
_start:
    mov     x0, #0
1:  msr     actlr_el1, x0
    b       1b
