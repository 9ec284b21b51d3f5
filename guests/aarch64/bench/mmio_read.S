// The PL011's flag register, for ever: one data abort in two instructions.
    .section .text.start, "ax"
    .global _start
_start:
    mov     x0, #0x09000000
1:  ldr     w1, [x0, #0x18]
    b       1b
