// Eight stores to one page, x28 times (2^64 from reset).
    .section .text.start, "ax"
    .global _start
_start:
    la      a0, data
    addi    a1, a0, 2047
    li      a2, 1
1:  sd      a2, 0(a0)
    sd      a2, 8(a0)
    sw      a2, 16(a0)
    sb      a2, 24(a0)
    sd      a2, 32(a0)
    sh      a2, 48(a0)
    sd      a2, 1(a1)
    sw      a2, 2037(a1)
    addi    t3, t3, -1
    bnez    t3, 1b
    j       .

    .section .bss, "aw", %nobits
    .balign 4096
data:
    .skip   4096
