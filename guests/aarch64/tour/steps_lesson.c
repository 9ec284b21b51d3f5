// The order that comes to mind first: prepare the new, write it, have the TLBs forget the old.

#include "steps.h"

const enum step steps[] = {COPY, MAKE, DSB, TLBI_ALL, DSB};
const unsigned step_count = sizeof steps / sizeof steps[0];
