// SIMD&FP registers by number. CPTR_EL2.TFP is 0, so that EL2 may access them at any time.

    .arch   armv8-a+simd

// Moves one register: a pair of instructions per register, selected by w0.
    .macro  select_register instruction
    adr     x2, 1f
    add     x2, x2, w0, uxtw #3
    br      x2
1:
    .irp    n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
    \instruction q\n, [x1]
    ret
    .endr
    .endm

    .text
// void hal_el2_read_vreg(unsigned n, VectorRegister* value)
    .global hal_el2_read_vreg
hal_el2_read_vreg:
    select_register str

// void hal_el2_write_vreg(unsigned n, const VectorRegister* value)
    .global hal_el2_write_vreg
hal_el2_write_vreg:
    select_register ldr
