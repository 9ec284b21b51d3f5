// Touches memory that it has, then some that it has not.
    .section .text.start, "ax"
    .global _start
_start:
    adr     x0, vectors
    msr     vbar_el1, x0
    isb
    mov     x1, #0x40100000             // memory, not touched so far
    str     x1, [x1]
    mov     x2, #0x50000000             // nothing
    ldr     x3, [x2, #8]

    .balign 0x800
vectors:
    .skip   0x200                       // synchronous exceptions from EL1 (DDI 0487, D1.3.1)
    mrs     x1, esr_el1
    mrs     x2, far_el1
    mov     w0, #0x84000000             // PSCI SYSTEM_OFF is function 0x84000008
    add     w0, w0, #8
    hvc     #0
