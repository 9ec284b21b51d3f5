// The console is a PL011 (Arm DDI 0183).

#include "guest.h"

#define UART_DR (*(volatile uint32_t*)(UART_BASE + 0x000))
#define UART_FR (*(volatile const uint32_t*)(UART_BASE + 0x018))
#define UART_FR_RXFE (1U << 4)
#define UART_FR_TXFF (1U << 5)

void put_byte(char byte) {
  while (UART_FR & UART_FR_TXFF) {
  }
  UART_DR = (uint8_t)byte;
}

// Without interrupts: WFI may end for no reason (DDI 0487, D1.6.2).
char next_byte(void) {
  while (UART_FR & UART_FR_RXFE) __asm__ volatile("wfi");
  return (char)UART_DR;
}
