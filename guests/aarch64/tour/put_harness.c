// Exercise 6 of docs/tour: prints a text.

#include "uart.h"

static const char text[] =
    "An exit costs what a system call costs, and then some: the CPU takes an\r\n"
    "exception to EL2, the VMM saves the guest's registers, looks at the\r\n"
    "syndrome, finds the device, does the access, writes the result where the\r\n"
    "guest expects it, restores the registers and returns.\r\n"
    "\r\n"
    "There are three ways to pay less. Make an exit cheaper: that is the VMM's\r\n"
    "business. Make fewer of them: that is the driver's, who may ask once for\r\n"
    "what it asks for each time. Or make a device that needs fewer: virtio has\r\n"
    "its requests in memory, which the guest may write as it likes, and one\r\n"
    "exit for any number of them.\r\n";

int main(void) {
  put(text, sizeof text - 1);
  return 0;
}
