// Loads, stores, arithmetic and a conditional branch over four pages, x28 times (2^64 from reset):
// 10 instructions.
    .section .text.start, "ax"
    .global _start
_start:
    la      a0, data
    li      a1, 0
    li      a2, 0
    li      a5, 0x3ff8
1:  and     a3, a1, a5
    add     a3, a0, a3
    ld      a4, 0(a3)
    add     a4, a4, a2
    xor     a2, a2, a4
    sd      a4, 0(a3)
    addi    a1, a1, 72
    bltz    a4, 2f
2:  addi    t3, t3, -1
    bnez    t3, 1b
    j       .

    .section .bss, "aw", %nobits
    .balign 4096
data:
    .skip   16384
