// Entry of every guest, on each vCPU, and the exception vectors of EL1.
// Entered at EL1 with the MMU off: at 0x40080000 on vCPU 0, at secondary_start by PSCI CPU_ON.

#include "frame.h"

    .section .text.start, "ax"
    .global _start
_start:
    msr     daifset, #0xf
    msr     spsel, #1
    adrp    x0, boot_stack_top
    add     sp, x0, :lo12:boot_stack_top
    adrp    x0, exception_vectors
    msr     vbar_el1, x0
    isb

    adrp    x0, bss_start               // both 4 KiB aligned by guest.ld
    adrp    x1, bss_end
1:  cmp     x0, x1
    b.hs    2f
    stp     xzr, xzr, [x0], #16
    b       1b

2:  bl      main
    bl      guest_exit

// CPU_ON enters here with its context argument in x0: the stack's top. The two words at the top
// are the function to call and its argument (see start_cpu).
    .global secondary_start
secondary_start:
    msr     daifset, #0xf
    msr     spsel, #1
    adrp    x1, exception_vectors
    msr     vbar_el1, x1
    isb
    mov     sp, x0
    ldp     x1, x0, [sp]
    blr     x1
    bl      psci_cpu_off

// One slot of the vector table: makes room for a frame and names the slot in x1.
    .macro  vector number
    .balign 0x80
    sub     sp, sp, #FRAME_SIZE
    stp     x0, x1, [sp]
    mov     x1, #\number
    b       exception_common
    .endm

    .section .text.vectors, "ax"
    .balign 0x1000
    .global exception_vectors
exception_vectors:
    .irp    number, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
    vector  \number
    .endr

    .balign 0x80
exception_common:
    stp     x2, x3, [sp, #16]
    stp     x4, x5, [sp, #32]
    stp     x6, x7, [sp, #48]
    stp     x8, x9, [sp, #64]
    stp     x10, x11, [sp, #80]
    stp     x12, x13, [sp, #96]
    stp     x14, x15, [sp, #112]
    stp     x16, x17, [sp, #128]
    stp     x18, x19, [sp, #144]
    stp     x20, x21, [sp, #160]
    stp     x22, x23, [sp, #176]
    stp     x24, x25, [sp, #192]
    stp     x26, x27, [sp, #208]
    stp     x28, x29, [sp, #224]
    mrs     x2, elr_el1
    mrs     x3, spsr_el1
    stp     x30, x2, [sp, #FRAME_X30]
    mrs     x4, esr_el1
    stp     x3, x4, [sp, #FRAME_SPSR]
    mrs     x5, far_el1
    str     x5, [sp, #FRAME_FAR]
    mov     x0, sp
    bl      exception_entry

    ldp     x30, x2, [sp, #FRAME_X30]
    ldr     x3, [sp, #FRAME_SPSR]
    msr     elr_el1, x2
    msr     spsr_el1, x3
    ldp     x0, x1, [sp]
    ldp     x2, x3, [sp, #16]
    ldp     x4, x5, [sp, #32]
    ldp     x6, x7, [sp, #48]
    ldp     x8, x9, [sp, #64]
    ldp     x10, x11, [sp, #80]
    ldp     x12, x13, [sp, #96]
    ldp     x14, x15, [sp, #112]
    ldp     x16, x17, [sp, #128]
    ldp     x18, x19, [sp, #144]
    ldp     x20, x21, [sp, #160]
    ldp     x22, x23, [sp, #176]
    ldp     x24, x25, [sp, #192]
    ldp     x26, x27, [sp, #208]
    ldp     x28, x29, [sp, #224]
    add     sp, sp, #FRAME_SIZE
    eret

    .section .bss.stack, "aw", %nobits
    .balign 0x1000
    .skip   0x4000
boot_stack_top:
