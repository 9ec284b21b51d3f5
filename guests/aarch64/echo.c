// Says back what is typed at the console, a byte at a time, and powers off at the end of a line
// that is "off". Waits for input in WFI, without interrupts.

#include "runtime/guest.h"

#define UART_DR (*(volatile const uint32_t*)(UART_BASE + 0x000))
#define UART_FR (*(volatile const uint32_t*)(UART_BASE + 0x018))
#define UART_FR_RXFE (1U << 4)

static char next(void) {
  while (UART_FR & UART_FR_RXFE) __asm__ volatile("wfi");
  return (char)UART_DR;
}

int main(void) {
  static const char kOff[] = "off";
  print("echo: ready\n");
  unsigned matched = 0;  // characters of kOff, if it begins the line; 4: it does not
  for (;;) {
    const char c = next();
    if (c == '\r' || c == '\n') {
      print("\n");
      if (matched == 3) return 0;
      matched = 0;
      continue;
    }
    if (c < ' ') {
      print("<%u>", (unsigned)c);
    } else {
      print("%c", c);
    }
    matched = matched < 3 && c == kOff[matched] ? matched + 1 : 4;
  }
}
