// Turns Sv39 on, prints a character, touches memory that nobody has touched, and then an address
// whose table is in such memory.
    .section .text.start, "ax"
    .global _start
_start:
    la      t0, trap
    csrw    stvec, t0
    la      t0, root
    srli    t0, t0, 12
    li      t1, 8 << 60                 // Sv39
    or      t0, t0, t1
    csrw    satp, t0
    sfence.vma
    li      a1, '!'
    li      a2, 0x10000000              // the UART
    sb      a1, 0(a2)
    li      a3, 0x80400000              // memory
    sd      a1, 0(a3)
    li      a4, 0xc0000008              // by the table at 0x80600000
    ld      a5, 0(a4)

    .balign 4
trap:
    csrr    a2, scause
    csrr    a3, stval
    li      a7, 0x53525354              // SBI System Reset: shutdown, without a reason
    li      a6, 0
    li      a0, 0
    li      a1, 0
    ecall

// Entries: GiB 0 (devices) and 2 (memory) are leaves, GiB 3 is a table.
    .section .data
    .balign 4096
root:
    .dword  0x00000000 >> 2 | 0xc7      // D, A, W, R, V
    .dword  0
    .dword  0x80000000 >> 2 | 0xcf      // and X
    .dword  0x80600000 >> 2 | 0x01
    .skip   4096 - 4 * 8
