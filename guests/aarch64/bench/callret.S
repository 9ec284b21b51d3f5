// Calls, indirect calls and returns, for ever.
    .section .text.start, "ax"
    .global _start
_start:
    adrp    x9, leaf
    add     x9, x9, :lo12:leaf
1:  bl      leaf
    bl      nest
    blr     x9
    b       1b

leaf:
    add     x0, x0, #1
    ret
nest:
    mov     x10, x30
    bl      leaf
    mov     x30, x10
    ret
