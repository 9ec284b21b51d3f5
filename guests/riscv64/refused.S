// What the permissions guest tries in U-mode, each with the address in a0 and a call that it worked.

#include "user.h"

    .section .user_text, "ax"
    .global user_read
user_read:
    ld      a1, 0(a0)
    ecall

    .global user_write
user_write:
    sd      zero, 8(a0)
    ecall

    .global user_execute
user_execute:
    jalr    a0
    ecall
