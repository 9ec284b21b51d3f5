#include "common/doorbell.h"

#include "runtime/interrupts.h"

#define DOORBELL 60  // as the window in the configuration says

volatile uint64_t rings;

bool guest_interrupt(void) {
  uint32_t intid = acknowledge_interrupt();
  if (intid == NO_INTERRUPT) return true;
  if (intid != DOORBELL) return false;
  ++rings;
  end_interrupt(intid);
  return true;
}

void doorbell_enable(void) {
  mask_interrupts();
  enable_interrupt_interface();
}

void doorbell_wait(void) {
  wait_for_interrupt();
  take_interrupts();
}
