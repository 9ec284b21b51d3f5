// Exercise 6 of docs/tour: the registers of a PL011 (Arm DDI 0183, 3.3), and what tour/6/put.c
// defines.
#pragma once

#include <stddef.h>

#include "../runtime/guest.h"

#define UART_DR (*(volatile uint32_t*)(UART_BASE + 0x000))        // data: a store sends a character
#define UART_FR (*(volatile const uint32_t*)(UART_BASE + 0x018))  // flags
#define UART_FR_TXFF (1U << 5)                                    // the FIFO has no room
#define UART_FR_TXFE (1U << 7)                                    // the FIFO is empty
#define UART_LCR_H (*(volatile uint32_t*)(UART_BASE + 0x02c))     // line control
#define UART_LCR_H_FEN (1U << 4)  // the FIFO has 16 places, else one
#define UART_LCR_H_8BIT (3U << 5)
#define UART_FIFO 16U

// Sends `length` characters.
void put(const char* text, size_t length);
