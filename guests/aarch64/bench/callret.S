// Calls, indirect calls and returns, X28 times (2^64 from reset).
    .section .text.start, "ax"
    .global _start
_start:
    adrp    x9, leaf
    add     x9, x9, :lo12:leaf
1:  bl      leaf
    bl      nest
    blr     x9
    subs    x28, x28, #1
    b.ne    1b
    b       .

leaf:
    add     x0, x0, #1
    ret
nest:
    mov     x10, x30
    bl      leaf
    mov     x30, x10
    ret
