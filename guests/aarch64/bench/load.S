// Eight loads from one page, X28 times (2^64 from reset).
    .section .text.start, "ax"
    .global _start
_start:
    adrp    x0, data
1:  ldr     x1, [x0]
    ldr     x2, [x0, #8]
    ldr     w3, [x0, #16]
    ldrb    w4, [x0, #24]
    ldp     x5, x6, [x0, #32]
    ldrh    w7, [x0, #48]
    ldr     x8, [x0, #2048]
    ldrsw   x9, [x0, #4088]
    subs    x28, x28, #1
    b.ne    1b
    b       .

    .section .bss, "aw", %nobits
    .balign 4096
data:
    .skip   4096
