// What guests find out about the machine that they run on.
#pragma once

#include <stdbool.h>
#include <stdint.h>

// Counts and prints a check that does not hold; prints nothing when it holds.
void check_equal(const char* what, uint64_t actual, uint64_t expected);
void check(const char* what, bool holds);
// Prints "<name>: PASS" or "<name>: FAIL"; the value is for main to return.
int check_summary(const char* name);
