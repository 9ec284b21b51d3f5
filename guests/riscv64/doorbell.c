#include "common/doorbell.h"

#include "runtime/interrupts.h"
#include "runtime/plic.h"

#define DOORBELL 20  // as the window in the configuration says

volatile uint64_t rings;

bool guest_interrupt(uint64_t code) {
  if (code != EXTERNAL_INTERRUPT) return false;
  const uint32_t source = *plic_claim(this_hart());
  if (source == 0) return true;
  if (source != DOORBELL) return false;
  ++rings;
  *plic_claim(this_hart()) = source;
  return true;
}

void doorbell_enable(void) {
  mask_interrupts();
  plic_route(DOORBELL, this_hart());
  enable_interrupt(EXTERNAL_INTERRUPT);
}

void doorbell_wait(void) {
  wait_for_interrupt();
  take_interrupts();
}
