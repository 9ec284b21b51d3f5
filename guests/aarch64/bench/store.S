// Eight stores to one page, X28 times (2^64 from reset).
    .section .text.start, "ax"
    .global _start
_start:
    adrp    x0, data
    mov     x1, #1
1:  str     x1, [x0]
    str     x1, [x0, #8]
    str     w1, [x0, #16]
    strb    w1, [x0, #24]
    stp     x1, x1, [x0, #32]
    strh    w1, [x0, #48]
    str     x1, [x0, #2048]
    str     w1, [x0, #4088]
    subs    x28, x28, #1
    b.ne    1b
    b       .

    .section .bss, "aw", %nobits
    .balign 4096
data:
    .skip   4096
