// What the paging guest runs in U-mode, and the way there and back. The code below lies on a page of
// its own that only U-mode may execute; it uses nothing but its registers and its data page.

#include "user.h"

    .macro  for_saved instruction
    \instruction ra, 0(sp)
    \instruction s0, 8(sp)
    \instruction s1, 16(sp)
    .irp    n, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11
    \instruction s\n, (8 + 8 * \n)(sp)
    .endr
    .endm

    .text
// uint64_t enter_user(uint64_t entry, uint64_t stack, uint64_t argument): runs U-mode at `entry`
// until leave_user; answers leave_user's argument.
    .global enter_user
enter_user:
    addi    sp, sp, -112
    for_saved sd
    la      t0, kernel_stack
    sd      sp, 0(t0)
    csrw    sepc, a0
    li      t0, 0x122                   // SPP, SPIE, SIE
    csrc    sstatus, t0
    csrw    sscratch, sp
    mv      sp, a1
    mv      a0, a2
    sret

// void leave_user(uint64_t result): returns from enter_user; called while U-mode's trap is handled.
    .global leave_user
leave_user:
    la      t0, kernel_stack
    ld      sp, 0(t0)
    for_saved ld
    addi    sp, sp, 112
    ret

    .section .bss.kernel_stack, "aw", %nobits
    .balign 8
kernel_stack:
    .skip   8

    .section .user_text, "ax"
// a0: the address of a page that is read-only at first.
    .global user_program
user_program:
    mv      s1, a0
    csrr    a0, sscratch                // illegal in U-mode: the kernel skips it and sets a0 to 0
    li      a7, CALL_REPORT
    ecall

    addi    sp, sp, -16                 // U-mode's own stack
    sd      s1, 0(sp)
    sd      a0, 8(sp)
    li      a1, 0x1234
    sd      a1, 0(s1)                   // page fault, repaired by the kernel, tried again
    ld      a0, 0(s1)
    li      a7, CALL_REPORT
    ecall

    li      a1, 1
    slli    a1, a1, 31
    ld      a0, 0(a1)                   // a page of the kernel's: refused, the kernel skips it
    li      a7, CALL_REPORT
    ecall

    ld      a1, 0(sp)
    xor     a0, a1, s1
    seqz    a0, a0
    li      a7, CALL_EXIT
    ecall
