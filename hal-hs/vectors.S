// The world switch: into the guest by SRET, out of it through stvec.

// Host registers that the calling convention wants preserved, and tp.
#define SWITCH_FRAME_SIZE 112

    .macro  for_saved_registers instruction
    \instruction ra, 0(sp)
    \instruction tp, 8(sp)
    .irp    n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11
    \instruction s\n, (16 + 8 * \n)(sp)
    .endr
    .endm

// All but x0, and a0, by which they are addressed.
    .macro  for_guest_registers instruction
    .irp    n, 1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, \
            26, 27, 28, 29, 30, 31
    \instruction x\n, (8 * \n)(a0)
    .endr
    .endm

    .text
// uint64_t hal_hs_enter_guest(uint64_t registers[32]): runs the guest until a trap to HS-mode;
// answers scause. The place of x0 keeps the host's stack pointer, sscratch the frame.
    .global hal_hs_enter_guest
hal_hs_enter_guest:
    addi    sp, sp, -SWITCH_FRAME_SIZE
    for_saved_registers sd
    sd      sp, 0(a0)
    csrw    sscratch, a0
    lla     t0, guest_trap
    csrw    stvec, t0
    for_guest_registers ld
    ld      a0, 80(a0)
    sret

    .balign 4
guest_trap:
    csrrw   a0, sscratch, a0
    for_guest_registers sd
    csrr    t0, sscratch
    sd      t0, 80(a0)
    ld      sp, 0(a0)
    lla     t0, hal_hs_host_trap
    csrw    stvec, t0
    for_saved_registers ld
    addi    sp, sp, SWITCH_FRAME_SIZE
    csrr    a0, scause
    ret

// HS-mode's own traps: none is expected.
    .balign 4
    .global hal_hs_host_trap
hal_hs_host_trap:
    csrr    a0, scause
    csrr    a1, sepc
    csrr    a2, stval
    call    hal_hs_unexpected_trap
