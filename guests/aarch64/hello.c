// The smallest guest: says where it runs and powers off.

#include "runtime/guest.h"

int main(void) {
  print("Hello from EL%lu: a guest on the AxVM core.\n", READ_SYSREG(CurrentEL) >> 2 & 3);
  return 0;
}
