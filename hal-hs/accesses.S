// Instructions that may trap, and what is left when they do: scause, stval, htval and htinst. What
// else the trap changes is put back: SRET still goes to the guest.

    .option arch, +h

// struct { uint64_t value; uint64_t done; } hal_hs_<name>(a0, a1): value is a0 after `instruction`.
    .macro  access name, instruction:vararg
    .balign 4
    .global hal_hs_\name
hal_hs_\name:
    lla     t0, refused
    csrrw   t0, stvec, t0
    csrr    t1, sepc
    csrr    t2, sstatus
    csrr    t3, hstatus
    \instruction
    csrw    stvec, t0
    li      a1, 1
    ret
    .endm

    .text
    access  hlv_8, hlv.bu a0, (a0)
    access  hlv_16, hlv.hu a0, (a0)
    access  hlv_32, hlv.wu a0, (a0)
    access  hlv_64, hlv.d a0, (a0)
    access  hlvx_16, hlvx.hu a0, (a0)
    access  hsv_8, hsv.b a1, (a0)
    access  hsv_16, hsv.h a1, (a0)
    access  hsv_32, hsv.w a1, (a0)
    access  hsv_64, hsv.d a1, (a0)
    access  read_stimecmp, csrr a0, 0x14d
    access  read_hstateen0, csrr a0, 0x60c
    access  read_hvictl, csrr a0, 0x609

    .balign 4
refused:
    csrw    stvec, t0
    csrw    sepc, t1
    csrw    sstatus, t2
    csrw    hstatus, t3
    li      a1, 0
    ret
