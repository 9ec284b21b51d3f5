// Loads, stores, arithmetic and a conditional branch over four pages, X28 times (2^64 from reset): 9 instructions.
    .section .text.start, "ax"
    .global _start
_start:
    adrp    x0, data
    mov     x1, #0
    mov     x2, #0
1:  and     x3, x1, #0x3ff8
    ldr     x4, [x0, x3]
    add     x4, x4, x2
    eor     x2, x2, x4, ror #7
    str     x4, [x0, x3]
    add     x1, x1, #72
    tbz     x4, #63, 2f
2:  subs    x28, x28, #1
    b.ne    1b
    b       .

    .section .bss, "aw", %nobits
    .balign 4096
data:
    .skip   16384
