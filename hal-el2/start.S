// Entry of the image: EL2, MMU off, on the boot CPU; the others are off until they are started.

#define CPUS 8                          // kMaxCpus
#define STACK_SIZE 0x10000

#define SCTLR_EL2_RES1 0x30c50830
#define SCTLR_EL2_M_C_I 0x1005

// TCR_EL2 (DDI 0487, D24.2.142): RES1 bits, 40-bit output, inner shareable write-back walks, 4 KiB
// granule, 39-bit addresses.
#define TCR_EL2_VALUE (1 << 31 | 1 << 23 | 2 << 16 | 3 << 12 | 1 << 10 | 1 << 8 | 25)
// MAIR_EL2: attribute 0 Normal write-back, attribute 1 Device-nGnRE.
#define MAIR_EL2_VALUE 0x04ff

// Level-1 blocks of 1 GiB: valid, AF, inner shareable Normal; Device, XN.
#define BLOCK_NORMAL (1 | 1 << 10 | 3 << 8 | 0 << 2)
#define BLOCK_DEVICE (1 | 1 << 10 | 1 << 2 | 1 << 54)

// Stage 1 of EL2, with the caches.
    .macro  enable_mmu
    ldr     x1, =MAIR_EL2_VALUE
    msr     mair_el2, x1
    ldr     x1, =TCR_EL2_VALUE
    msr     tcr_el2, x1
    adrp    x1, identity_map
    msr     ttbr0_el2, x1
    adrp    x1, hal_el2_vectors
    msr     vbar_el2, x1
    msr     mdcr_el2, xzr
    isb
    tlbi    alle2
    ic      iallu
    dsb     sy
    isb
    ldr     x1, =(SCTLR_EL2_RES1 | SCTLR_EL2_M_C_I)
    msr     sctlr_el2, x1
    isb
    .endm

    .section .text.start, "ax"
    .global _start
_start:
    msr     daifset, #0xf
    mrs     x0, currentel
    cmp     x0, #2 << 2
    b.ne    park                        // the machine has no EL2: nothing to be done or said

    adrp    x0, bss_start
    adrp    x1, bss_end
1:  cmp     x0, x1
    b.hs    2f
    stp     xzr, xzr, [x0], #16
    b       1b

2:  enable_mmu
    msr     tpidr_el2, xzr
    msr     spsel, #1
    adrp    x0, stacks + STACK_SIZE
    mov     sp, x0
    bl      hal_el2_main

park:
    wfi
    b       park

// From PSCI CPU_ON, with the CPU's number in X0.
    .weak   hal_el2_secondary           // images of one CPU have none
    .global secondary_start
secondary_start:
    msr     daifset, #0xf
    enable_mmu
    msr     tpidr_el2, x0
    msr     spsel, #1
    adrp    x1, stacks
    add     x0, x0, #1
    mov     x2, #STACK_SIZE
    madd    x1, x0, x2, x1
    mov     sp, x1
    bl      hal_el2_secondary

    .section .rodata.identity_map, "a"
    .balign 4096
identity_map:
    .quad   0x00000000 + BLOCK_DEVICE
    .quad   0x40000000 + BLOCK_NORMAL
    .skip   4096 - 16

    .section .bss.stack, "aw", %nobits
    .balign 4096
stacks:
    .skip   STACK_SIZE * CPUS
