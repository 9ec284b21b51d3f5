// What the permissions guest tries at EL0, each with the address in X0 and a call that it worked.

#include "user.h"

    .section .user_text, "ax"
    .global user_read
user_read:
    ldr     x1, [x0]
    svc     #SVC_EXIT

    .global user_write
user_write:
    str     xzr, [x0, #8]
    svc     #SVC_EXIT

    .global user_execute
user_execute:
    blr     x0
    svc     #SVC_EXIT
