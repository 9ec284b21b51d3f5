// What the paging guest runs at EL0, and the way there and back. The code below lies on a page of
// its own that only EL0 may execute; it uses nothing but its registers and its data page.

#include "user.h"

    .text
// uint64_t enter_user(uint64_t entry, uint64_t stack, uint64_t argument): runs EL0 at `entry` until
// leave_user; answers leave_user's argument.
    .global enter_user
enter_user:
    stp     x29, x30, [sp, #-96]!
    stp     x19, x20, [sp, #16]
    stp     x21, x22, [sp, #32]
    stp     x23, x24, [sp, #48]
    stp     x25, x26, [sp, #64]
    stp     x27, x28, [sp, #80]
    adrp    x9, kernel_stack
    mov     x10, sp
    str     x10, [x9, :lo12:kernel_stack]
    msr     elr_el1, x0
    msr     sp_el0, x1
    mov     x0, #0x3c0                  // EL0t, DAIF masked
    msr     spsr_el1, x0
    mov     x0, x2
    eret

// void leave_user(uint64_t result): returns from enter_user; called while EL0's trap is handled.
    .global leave_user
leave_user:
    adrp    x9, kernel_stack
    ldr     x10, [x9, :lo12:kernel_stack]
    mov     sp, x10
    ldp     x19, x20, [sp, #16]
    ldp     x21, x22, [sp, #32]
    ldp     x23, x24, [sp, #48]
    ldp     x25, x26, [sp, #64]
    ldp     x27, x28, [sp, #80]
    ldp     x29, x30, [sp], #96
    ret

    .section .bss.kernel_stack, "aw", %nobits
    .balign 8
kernel_stack:
    .skip   8

    .section .user_text, "ax"
// x0: the address of a page that is read-only at first.
    .global user_program
user_program:
    mov     x19, x0
    mrs     x0, currentel               // undefined at EL0: the kernel skips it and sets x0 to 0
    svc     #SVC_REPORT

    stp     x19, x0, [sp, #-16]!        // EL0's own stack
    mov     x1, #0x1234
    str     x1, [x19]                   // permission fault, repaired by the kernel, tried again
    ldr     x0, [x19]
    svc     #SVC_REPORT

    mov     x1, #0x40000000
    ldr     x0, [x1]                    // a page of the kernel's: refused, the kernel skips it
    svc     #SVC_REPORT

    ldp     x1, x2, [sp], #16
    cmp     x1, x19
    cset    x0, eq
    svc     #SVC_EXIT
