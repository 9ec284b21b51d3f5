// 16 instructions on registers, x28 times (2^64 from reset).
    .section .text.start, "ax"
    .global _start
_start:
    li      a0, 1
    li      a1, 3
    li      a2, 5
    li      a3, 7
1:  add     a4, a0, a1
    xor     a5, a4, a2
    sub     a6, a5, a3
    or      a7, a6, a0
    slli    t0, a7, 3
    and     t1, t0, a4
    add     t2, t1, a5
    xor     t4, t2, a6
    mul     t5, t4, a1
    srli    t6, t5, 5
    addi    a0, t6, 17
    sub     a1, t5, t0
    ori     a2, a1, 1
    sub     a3, a2, t1
    addi    t3, t3, -1
    bnez    t3, 1b
    j       .
