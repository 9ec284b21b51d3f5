// The interrupt translation service of the `virt` memory map, and what LPIs need besides
// (IHI 0069, chapters 5 and 12).
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define FIRST_LPI 8192U
// A configuration: priority 0xa0.
#define LPI_ENABLED 0xa1

enum {
  ITS_MOVI = 0x01,
  ITS_INT = 0x03,
  ITS_CLEAR = 0x04,
  ITS_INV = 0x0c,
  ITS_INVALL = 0x0d,
  ITS_DISCARD = 0x0f
};

bool lpis_there(void);
void enable_distributor(void);
// Gives CPU `cpu`, 0 or 1, its tables.
void enable_lpis(uint64_t cpu);
void enable_its(void);
// The configuration table; the ITS is to be told (ITS_INV).
void set_lpi(uint32_t intid, uint8_t configuration);

// Commands: they are queued and waited for.
void its_command(uint8_t operation, uint32_t device, uint32_t event, uint32_t collection);
void its_map_device(uint32_t device, unsigned event_bits);
void its_map_collection(uint64_t collection, uint64_t cpu);
void its_map_event(uint32_t device, uint32_t event, uint32_t intid, uint64_t collection);
void its_move_all(uint64_t from, uint64_t to);
void its_sync(uint64_t cpu, int times);

void its_write_translater(uint32_t event);
