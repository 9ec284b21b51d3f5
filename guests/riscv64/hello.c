// The smallest guest: says which hart it runs on and powers off.

#include "runtime/guest.h"

int main(void) {
  print("Hello from hart %lu: a guest on the AxVM core.\n", this_hart());
  return 0;
}
