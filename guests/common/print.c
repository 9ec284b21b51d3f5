// Formatted output, a byte at a time.

#include "print.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>

static void put(char c) {
  if (c == '\n') put_byte('\r');
  put_byte(c);
}

static void put_number(uint64_t value, unsigned base, unsigned width, char pad) {
  char digits[20];
  unsigned count = 0;
  do {
    digits[count++] = "0123456789abcdef"[value % base];
    value /= base;
  } while (value != 0);
  for (; width > count; --width) put(pad);
  while (count > 0) put(digits[--count]);
}

static void put_signed(int64_t value, unsigned width, char pad) {
  if (value < 0) put('-');
  put_number(value < 0 ? 0 - (uint64_t)value : (uint64_t)value, 10, width, pad);
}

void print(const char* format, ...) {
  va_list arguments;
  va_start(arguments, format);
  for (const char* p = format; *p != '\0'; ++p) {
    if (*p != '%') {
      put(*p);
      continue;
    }
    ++p;
    char pad = ' ';
    if (*p == '0') {
      pad = '0';
      ++p;
    }
    unsigned width = 0;
    for (; *p >= '0' && *p <= '9'; ++p) width = width * 10 + (unsigned)(*p - '0');
    bool is_long = *p == 'l';
    if (is_long) ++p;
    switch (*p) {
      case 's':
        for (const char* s = va_arg(arguments, const char*); *s != '\0'; ++s) put(*s);
        break;
      case 'c': put((char)va_arg(arguments, int)); break;
      case 'd':
        put_signed(is_long ? va_arg(arguments, long) : va_arg(arguments, int), width, pad);
        break;
      case 'u':
      case 'x':
        put_number(is_long ? va_arg(arguments, unsigned long) : va_arg(arguments, unsigned),
                   *p == 'x' ? 16 : 10, width, pad);
        break;
      default: put(*p); break;
    }
  }
  va_end(arguments);
}
