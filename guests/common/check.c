#include "check.h"

#include "print.h"

static unsigned failures;

void check_equal(const char* what, uint64_t actual, uint64_t expected) {
  if (actual == expected) return;
  ++failures;
  print("  %s: got 0x%lx, expected 0x%lx\n", what, actual, expected);
}

void check(const char* what, bool holds) {
  if (holds) return;
  ++failures;
  print("  %s: does not hold\n", what);
}

int check_summary(const char* name) {
  print("%s: %s\n", name, failures == 0 ? "PASS" : "FAIL");
  return failures == 0 ? 0 : 1;
}
