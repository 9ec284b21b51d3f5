// 16 instructions on registers, X28 times (2^64 from reset).
    .section .text.start, "ax"
    .global _start
_start:
    mov     x0, #1
    mov     x1, #3
    mov     x2, #5
    mov     x3, #7
1:  add     x4, x0, x1
    eor     x5, x4, x2
    sub     x6, x5, x3
    orr     x7, x6, x0
    lsl     x8, x7, #3
    and     x9, x8, x4
    add     x10, x9, x5, lsl #2
    eor     x11, x10, x6
    madd    x12, x11, x1, x7
    lsr     x13, x12, #5
    add     x0, x13, #17
    bic     x1, x12, x8
    orr     x2, x1, #1
    sub     x3, x2, x9
    add     x1, x3, x0
    subs    x28, x28, #1
    b.ne    1b
    b       .
