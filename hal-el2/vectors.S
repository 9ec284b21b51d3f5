// The world switch: into the guest by ERET, out of it through the vectors of EL2.

// Host registers that the procedure call standard wants preserved, and the guest's frame.
#define SWITCH_FRAME_SIZE 112
#define SWITCH_FRAME_GPRS 96
#define SWITCH_FRAME_FP 104

#define ESR_EC_SHIFT 26
#define EC_FP 0x07                      // CPTR_EL2.TFP: it traps nothing else with this class

    .text
// uint64_t hal_el2_enter_guest(uint64_t gprs[31], FpRegisters* fp): runs the guest until a trap to EL2;
// answers which kind of vector it took (0 synchronous, 1 IRQ, 2 FIQ, 3 SError).
    .global hal_el2_enter_guest
hal_el2_enter_guest:
    sub     sp, sp, #SWITCH_FRAME_SIZE
    stp     x19, x20, [sp]
    stp     x21, x22, [sp, #16]
    stp     x23, x24, [sp, #32]
    stp     x25, x26, [sp, #48]
    stp     x27, x28, [sp, #64]
    stp     x29, x30, [sp, #80]
    stp     x0, x1, [sp, #SWITCH_FRAME_GPRS]
    ldp     x2, x3, [x0, #16]
    ldp     x4, x5, [x0, #32]
    ldp     x6, x7, [x0, #48]
    ldp     x8, x9, [x0, #64]
    ldp     x10, x11, [x0, #80]
    ldp     x12, x13, [x0, #96]
    ldp     x14, x15, [x0, #112]
    ldp     x16, x17, [x0, #128]
    ldp     x18, x19, [x0, #144]
    ldp     x20, x21, [x0, #160]
    ldp     x22, x23, [x0, #176]
    ldp     x24, x25, [x0, #192]
    ldp     x26, x27, [x0, #208]
    ldp     x28, x29, [x0, #224]
    ldr     x30, [x0, #240]
    ldp     x0, x1, [x0]
    eret
    dsb     nsh                         // nothing is speculated past ERET
    isb

// SP_EL2 is where ERET left it: on the switch frame.
    .macro  guest_trap kind
    .balign 0x80
    stp     x0, x1, [sp, #-16]!
    .if     \kind == 0
    mrs     x0, esr_el2
    ubfx    x1, x0, #ESR_EC_SHIFT, #6
    ldr     x0, [sp, #16 + SWITCH_FRAME_FP]
    cmp     x1, #EC_FP
    b.eq    hal_el2_fp_trap
    .endif
    mov     x1, #\kind
    b       leave_guest
    .endm

    .macro  host_trap kind
    .balign 0x80
    mov     x0, #\kind
    mrs     x1, esr_el2
    mrs     x2, elr_el2
    mrs     x3, far_el2
    b       hal_el2_unexpected_exception
    .endm

    .section .text.vectors, "ax"
    .balign 0x1000
    .global hal_el2_vectors
hal_el2_vectors:
    .irp    kind, 0, 1, 2, 3            // from EL2 with SP_EL0
    host_trap \kind
    .endr
    .irp    kind, 0, 1, 2, 3            // from EL2
    host_trap \kind
    .endr
    .irp    kind, 0, 1, 2, 3            // from a guest in AArch64
    guest_trap \kind
    .endr
    .irp    kind, 0, 1, 2, 3            // from a guest in AArch32, at its EL0
    guest_trap \kind
    .endr

    .balign 0x80
leave_guest:
    ldr     x0, [sp, #16 + SWITCH_FRAME_GPRS]
    stp     x2, x3, [x0, #16]
    stp     x4, x5, [x0, #32]
    stp     x6, x7, [x0, #48]
    stp     x8, x9, [x0, #64]
    stp     x10, x11, [x0, #80]
    stp     x12, x13, [x0, #96]
    stp     x14, x15, [x0, #112]
    stp     x16, x17, [x0, #128]
    stp     x18, x19, [x0, #144]
    stp     x20, x21, [x0, #160]
    stp     x22, x23, [x0, #176]
    stp     x24, x25, [x0, #192]
    stp     x26, x27, [x0, #208]
    stp     x28, x29, [x0, #224]
    str     x30, [x0, #240]
    ldp     x2, x3, [sp], #16
    stp     x2, x3, [x0]

    mov     x0, x1
    ldp     x19, x20, [sp]
    ldp     x21, x22, [sp, #16]
    ldp     x23, x24, [sp, #32]
    ldp     x25, x26, [sp, #48]
    ldp     x27, x28, [sp, #64]
    ldp     x29, x30, [sp, #80]
    add     sp, sp, #SWITCH_FRAME_SIZE
    ret
