// Entry of the image, in HS-mode with translation off, on the hart that firmware boots; the others are
// stopped until they are started. Translation is turned on: to the identity.

#define CPUS 8                          // kMaxCpus
#define STACK_SIZE 0x10000

#define SATP_SV39 (8 << 60)
// A leaf of 1 GiB: V, R, W, A, D; for RAM X.
#define DEVICES 0xc7
#define MEMORY 0xcf

    .macro  enter_hart
    csrci   sstatus, 2                  // SIE
    csrw    sie, zero
    lla     t0, identity_map
    srli    t0, t0, 12
    li      t1, SATP_SV39
    or      t0, t0, t1
    sfence.vma
    csrw    satp, t0
    sfence.vma
    lla     t0, hal_hs_host_trap
    csrw    stvec, t0
    .endm

    .section .text.start, "ax"
    .global _start
_start:                                 // a0: the hart's id
    enter_hart
    lla     t0, bss_start               // both 4 KiB aligned by image.ld
    lla     t1, bss_end
1:  bgeu    t0, t1, 2f
    sd      zero, 0(t0)
    addi    t0, t0, 8
    j       1b

2:  lla     t0, hal_hs_boot_hart
    sd      a0, 0(t0)
    li      tp, 0
    lla     sp, stacks + STACK_SIZE
    call    hal_hs_main

// From SBI's hart_start, with the CPU's number in a1.
    .weak   hal_hs_secondary            // images of one CPU have none
    .global secondary_start
secondary_start:
    enter_hart
    mv      tp, a1
    lla     sp, stacks
    addi    a1, a1, 1
    li      t0, STACK_SIZE
    mul     t0, t0, a1
    add     sp, sp, t0
    call    hal_hs_secondary

    .section .rodata.identity_map, "a"
    .balign 4096
identity_map:
    .quad   0x00000000 >> 2 | DEVICES
    .quad   0
    .quad   0x80000000 >> 2 | MEMORY
    .skip   4096 - 24

    .section .bss.stack, "aw", %nobits
    .balign 4096
stacks:
    .skip   STACK_SIZE * CPUS
    .global hal_hs_boot_hart
hal_hs_boot_hart:
    .skip   8
