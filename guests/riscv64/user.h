// Numbers that guests agree on with what they run in U-mode.
#pragma once

#define CALL_REPORT 1  // in a7; a0: a value for the kernel's list
#define CALL_EXIT 2    // a0: the result
