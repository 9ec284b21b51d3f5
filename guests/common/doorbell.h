// The interrupt by which another VM says that something has happened.
#pragma once

#include <stdint.h>

extern volatile uint64_t rings;  // how often it has come

// Lets it come when asked for below; from then on interrupts are masked otherwise.
void doorbell_enable(void);
// Sleeps until there is an interrupt, or for no reason, and takes it.
void doorbell_wait(void);
