// SIMD&FP registers, switched when they are used: they are in memory while CPTR_EL2.TFP traps them.

    .arch   armv8-a+simd

// FpRegisters of cpu.hpp.
#define FP_FPCR 512
#define FP_FPSR 520
#define FP_IN_CPU 528
#define FP_LOADS 536

#define CPTR_EL2_TFP (1 << 10)

    .macro  for_each_pair instruction
    .irp    n, 0,2,4,6,8,10,12,14,16,18,20,22,24,26,28,30
    move_pair \instruction, \n, %(\n + 1)
    .endr
    .endm
    .macro  move_pair instruction, a, b
    \instruction q\a, q\b, [x0, #16 * \a]
    .endm

    .altmacro
    .text
// void hal_el2_save_fp(FpRegisters*): they are in the CPU, and stay there.
    .global hal_el2_save_fp
hal_el2_save_fp:
    for_each_pair stp
    mrs     x1, fpcr
    mrs     x2, fpsr
    str     x1, [x0, #FP_FPCR]
    str     x2, [x0, #FP_FPSR]
    ret

// From a guest's trap by CPTR_EL2.TFP, instead of leaving it: brings the registers in, and goes on at
// the same instruction. X0 has the FpRegisters; the guest's X0 and X1 are on the stack.
    .global hal_el2_fp_trap
hal_el2_fp_trap:
    mrs     x1, cptr_el2
    bic     x1, x1, #CPTR_EL2_TFP
    msr     cptr_el2, x1
    isb
    for_each_pair ldp
    ldr     x1, [x0, #FP_FPCR]
    msr     fpcr, x1
    ldr     x1, [x0, #FP_FPSR]
    msr     fpsr, x1
    mov     x1, #1
    str     x1, [x0, #FP_IN_CPU]
    ldr     x1, [x0, #FP_LOADS]
    add     x1, x1, #1
    str     x1, [x0, #FP_LOADS]
    ldp     x0, x1, [sp], #16
    eret
    dsb     nsh                         // nothing is speculated past ERET
    isb
