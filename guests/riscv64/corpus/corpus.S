// What surrounds each case of the corpus, and the cases.

#define REPORT_CALL 0x0a000001          // firmware's, and no VMM's here

    .option arch, +f, +d, +c
    .option norvc                       // but where a case says so

// Case `number` is about to run, with `address` in a0; its number stays in s11.
    .macro  begin number, address
    li      s11, \number
    call    prepare
    li      a0, \address
    .endm

    .macro  end
    call    report
    .endm

// a0 becomes an address whose walk ends at the table of `level`, which the G-stage does not give.
    .macro  walk kind, level, n
    li      a0, \kind
    li      a1, \level
    li      a2, \n
    call    corpus_walk
    mv      s10, a0
    call    prepare
    mv      a0, s10
    .endm

    .macro  compressed instruction:vararg
    .option rvc
    \instruction
    .option norvc
    .endm

    .macro  for_saved instruction
    \instruction ra, 0(sp)
    \instruction s0, 8(sp)
    \instruction s1, 16(sp)
    .irp    n, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11
    \instruction s\n, (8 + 8 * \n)(sp)
    .endr
    .endm

    .text
// What cases use: a1, a3 data, fa0, fa1 more. Nothing is left of the case before.
prepare:
    li      a1, 0x8182838485868788
    li      a3, 0xf1a2b3c4d5e6f708
    fmv.d.x fa0, a1
    fmv.d.x fa1, a3
    .irp    register, a2, a4, a5, a6, a7, s0, s1, s2, s3, s4, s5, s6, s7, s8, s9, t0, t1, t2, t5, t6
    mv      \register, zero
    .endr
    csrw    scause, zero
    csrw    stval, zero
    ret

// A call, so that what the case has left in the registers can be seen: also of those that are not
// general, in s2 to s9.
report:
    mv      s2, a0
    csrr    s3, scause
    csrr    s4, stval
    csrr    s5, sstatus
    fmv.x.d s6, fa0
    fmv.x.d s7, fa5
    fmv.x.d s8, ft11
    fmv.x.d s9, fs0
    mv      s10, a6
    li      a6, 0
    li      a7, REPORT_CALL
    ecall
    ret

// void corpus(void)
    .global corpus
corpus:
    addi    sp, sp, -112
    for_saved sd
    .include "cases.S"
    for_saved ld
    addi    sp, sp, 112
    ret

    .section .rodata
    .balign 4
    .global corpus_cases
corpus_cases:
    .4byte  corpus_count
