// Says back what is typed at the console, a byte at a time, and powers off at the end of a line
// that is "off". Asleep in between.

#include "runtime/guest.h"

int main(void) {
  static const char kOff[] = "off";
  print("echo: ready\n");
  unsigned matched = 0;  // characters of kOff, if it begins the line; 4: it does not
  for (;;) {
    const char c = next_byte();
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
