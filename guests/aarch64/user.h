// Numbers that the paging guest's two halves agree on.
#pragma once

#define SVC_REPORT 1  // x0: a value for the kernel's list
#define SVC_EXIT 2    // x0: the result
