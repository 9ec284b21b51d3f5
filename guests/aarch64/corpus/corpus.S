// What surrounds each case of the corpus, and the cases.

#define REPORT_CALL 0xc6000000          // a vendor's call that no VMM here knows

    .arch   armv8-a+fp+simd

    .macro  constant register, value
    movz    \register, #((\value) & 0xffff)
    movk    \register, #(((\value) >> 16) & 0xffff), lsl #16
    movk    \register, #(((\value) >> 32) & 0xffff), lsl #32
    movk    \register, #(((\value) >> 48) & 0xffff), lsl #48
    .endm

// Case `number` is about to run, with `address` in X0; its number stays in X28.
    .macro  begin number, address
    mov     x28, #\number
    bl      prepare
    constant x0, \address
    .endm

    .macro  end
    bl      report
    .endm

// X0 becomes an address whose walk ends at the table of `level`, which stage 2 does not give.
    .macro  walk kind, level, n
    mov     x0, #\kind
    mov     x1, #\level
    mov     x2, #\n
    bl      corpus_walk
    mov     x8, x0
    bl      prepare
    mov     x0, x8
    .endm

    .text
// What cases use: X1, X3 data, X2 an index, X6 more data, V0 to V3. Nothing is left of the case
// before.
prepare:
    constant x1, 0x8182838485868788
    mov     x2, #8
    constant x3, 0xf1a2b3c4d5e6f708
    mov     x4, #0
    mov     x5, #0
    constant x6, 0x0102030405060708
    mov     x7, #0
    fmov    d0, x1
    ins     v0.d[1], x3
    fmov    d1, x3
    ins     v1.d[1], x6
    fmov    d2, x6
    ins     v2.d[1], x1
    movi    v3.16b, #0x5a
    .irp    register, esr_el1, far_el1, par_el1
    msr     \register, xzr
    .endr
    .irp    n, 19, 20, 21, 22, 23, 24, 25, 26, 27
    mov     x\n, #0
    .endr
    ret

// A call, so that what the case has left in the registers can be seen: also of those that are not
// general, in X19 to X27.
report:
    mov     x19, x0
    mrs     x20, esr_el1
    mrs     x21, far_el1
    mrs     x22, par_el1
    mrs     x23, nzcv
    fmov    x24, d0
    umov    x25, v0.d[1]
    fmov    x26, d1
    umov    x27, v1.d[1]
    constant x0, REPORT_CALL
    hvc     #0
    ret

// void corpus(void)
    .global corpus
corpus:
    sub     sp, sp, #96
    stp     x19, x20, [sp]
    stp     x21, x22, [sp, #16]
    stp     x23, x24, [sp, #32]
    stp     x25, x26, [sp, #48]
    stp     x27, x28, [sp, #64]
    stp     x29, x30, [sp, #80]
    .include "cases.S"
    ldp     x19, x20, [sp]
    ldp     x21, x22, [sp, #16]
    ldp     x23, x24, [sp, #32]
    ldp     x25, x26, [sp, #48]
    ldp     x27, x28, [sp, #64]
    ldp     x29, x30, [sp, #80]
    add     sp, sp, #96
    ret

    .section .rodata
    .balign 4
    .global corpus_cases
corpus_cases:
    .word   corpus_count
