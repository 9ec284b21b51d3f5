// Entry of every guest, on each hart, and the trap vector of S-mode.
// Entered in S-mode with translation off, a0 = hart id: at 0x80200000 on the first hart, at
// secondary_start by SBI hart_start.

#include "frame.h"

    .section .text.start, "ax"
    .global _start
_start:
    csrw    sie, zero
    csrci   sstatus, 2                  // SIE
    csrw    sscratch, zero
    mv      tp, a0
    la      sp, boot_stack_top
    la      t0, trap_vector
    csrw    stvec, t0

    la      t0, bss_start               // both 4 KiB aligned by guest.ld
    la      t1, bss_end
1:  bgeu    t0, t1, 2f
    sd      zero, 0(t0)
    addi    t0, t0, 8
    j       1b

2:  call    main
    call    guest_exit

// hart_start enters here with its opaque argument in a1: the stack's top. The two words at the top
// are the function to call and its argument (see start_cpu).
    .global secondary_start
secondary_start:
    csrw    sie, zero
    csrci   sstatus, 2
    csrw    sscratch, zero
    mv      tp, a0
    mv      sp, a1
    la      t0, trap_vector
    csrw    stvec, t0
    ld      t0, 0(sp)
    ld      a0, 8(sp)
    jalr    t0
    call    sbi_hart_stop

    .macro  for_registers instruction, numbers:vararg
    .irp    n, \numbers
    \instruction x\n, (8 * \n)(sp)
    .endr
    .endm

// sscratch is 0 in S-mode, and the stack to go on with in U-mode (user.S). tp is the hart's number
// in both.
    .section .text.vector, "ax"
    .balign 64
    .global trap_vector
trap_vector:
    csrrw   sp, sscratch, sp
    bnez    sp, 1f
    csrr    sp, sscratch
1:  addi    sp, sp, -FRAME_SIZE
    for_registers sd, 1, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, \
                  23, 24, 25, 26, 27, 28, 29, 30, 31
    csrrw   t0, sscratch, zero          // what sp was
    csrr    t1, sepc
    csrr    t2, sstatus
    csrr    t3, scause
    csrr    t4, stval
    sd      zero, 0(sp)
    sd      t0, 16(sp)
    sd      t1, FRAME_SEPC(sp)
    sd      t2, FRAME_SSTATUS(sp)
    sd      t3, FRAME_SCAUSE(sp)
    sd      t4, FRAME_STVAL(sp)
    mv      a0, sp
    call    trap_entry

    ld      t1, FRAME_SEPC(sp)
    ld      t2, FRAME_SSTATUS(sp)
    csrw    sepc, t1
    csrw    sstatus, t2
    andi    t2, t2, 0x100               // SPP
    bnez    t2, 2f
    addi    t0, sp, FRAME_SIZE
    csrw    sscratch, t0
2:  for_registers ld, 1, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, \
                  23, 24, 25, 26, 27, 28, 29, 30, 31
    ld      sp, 16(sp)
    sret

    .section .bss.stack, "aw", %nobits
    .balign 0x1000
    .skip   0x4000
boot_stack_top:
