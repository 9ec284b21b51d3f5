// The console is a 16550A (National Semiconductor PC16550D).

#include "guest.h"
#include "interrupts.h"
#include "plic.h"

enum { RBR = 0, THR = 0, IER = 1, LSR = 5 };
enum { IER_RECEIVED = 1 << 0, LSR_DATA_READY = 1 << 0, LSR_THR_EMPTY = 1 << 5 };

static volatile uint8_t* uart(unsigned offset) { return (volatile uint8_t*)(UART_BASE + offset); }

void put_byte(char byte) {
  while ((*uart(LSR) & LSR_THR_EMPTY) == 0) {
  }
  *uart(THR) = (uint8_t)byte;
}

// WFI ends when an interrupt is pending and enabled, whether it may be taken or not.
char next_byte(void) {
  plic_route(PLIC_UART, this_hart());
  *uart(IER) = IER_RECEIVED;
  enable_interrupt(EXTERNAL_INTERRUPT);
  while ((*uart(LSR) & LSR_DATA_READY) == 0) {
    wait_for_interrupt();
    uint32_t source = *plic_claim(this_hart());
    if (source != 0) *plic_claim(this_hart()) = source;
  }
  return (char)*uart(RBR);
}
