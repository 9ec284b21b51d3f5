// Sends one character after the other, and looks each time whether there is room for it.

#include "uart.h"

void put(const char* text, size_t length) {
  for (size_t n = 0; n < length; ++n) {
    while ((UART_FR & UART_FR_TXFF) != 0) {
    }
    UART_DR = (uint8_t)text[n];
  }
}
