// Calls, indirect calls and returns, x28 times (2^64 from reset).
    .section .text.start, "ax"
    .global _start
_start:
    la      a1, leaf
1:  jal     leaf
    jal     nest
    jalr    a1
    addi    t3, t3, -1
    bnez    t3, 1b
    j       .

leaf:
    addi    a0, a0, 1
    ret
nest:
    mv      a2, ra
    jal     leaf
    mv      ra, a2
    ret
