// Eight loads from one page, x28 times (2^64 from reset).
    .section .text.start, "ax"
    .global _start
_start:
    la      a0, data
    addi    a1, a0, 2047
1:  ld      a2, 0(a0)
    ld      a3, 8(a0)
    lw      a4, 16(a0)
    lbu     a5, 24(a0)
    ld      a6, 32(a0)
    lhu     a7, 48(a0)
    ld      t0, 1(a1)
    lwu     t1, 2037(a1)
    addi    t3, t3, -1
    bnez    t3, 1b
    j       .

    .section .bss, "aw", %nobits
    .balign 4096
data:
    .skip   4096
