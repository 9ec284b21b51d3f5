#include "its.h"

#include "runtime/guest.h"

#define DISTRIBUTOR 0x08000000UL
#define ITS 0x08080000UL
#define REDISTRIBUTORS 0x080a0000UL
#define PER_CPU 0x20000UL

enum { GICD_CTLR = 0, GICD_TYPER = 4 };
enum { GICR_CTLR = 0, GICR_TYPER = 8, GICR_PROPBASER = 0x70, GICR_PENDBASER = 0x78 };
enum {
  GITS_CTLR = 0,
  GITS_TYPER = 8,
  GITS_CBASER = 0x80,
  GITS_CWRITER = 0x88,
  GITS_CREADR = 0x90,
  GITS_BASER0 = 0x100,
  GITS_BASER1 = 0x108,
  GITS_TRANSLATER = 0x10040
};

#define VALID (1UL << 63)
#define INDIRECT (1UL << 62)
#define QUEUE_SIZE 4096UL
#define ID_BITS 14UL
enum { MAPC = 0x09, MAPD = 0x08, MAPTI = 0x0a, MOVALL = 0x0e, SYNC = 0x05 };

// Tables are in memory that nobody has used yet, all zeros.
#define CONFIGURATION 0x42000000UL
#define PENDING 0x42100000UL
#define QUEUE 0x42200000UL
#define DEVICE_PAGES 0x42300000UL  // of two levels, the first
#define DEVICES 0x42400000UL
#define COLLECTIONS 0x42500000UL
#define EVENTS 0x42600000UL
static uint64_t written;  // as GITS_CWRITER

// In assembly, so that each is one plain access whatever the compiler.
static uint32_t read32(uint64_t at) {
  uint32_t value;
  __asm__ volatile("ldr %w0, [%1]" : "=r"(value) : "r"(at) : "memory");
  return value;
}
static uint64_t read64(uint64_t at) {
  uint64_t value;
  __asm__ volatile("ldr %0, [%1]" : "=r"(value) : "r"(at) : "memory");
  return value;
}
static void write32(uint64_t at, uint32_t value) {
  __asm__ volatile("dsb sy\n\tstr %w0, [%1]" ::"r"(value), "r"(at) : "memory");
}
static void write64(uint64_t at, uint64_t value) {
  __asm__ volatile("dsb sy\n\tstr %0, [%1]" ::"r"(value), "r"(at) : "memory");
}

bool lpis_there(void) { return (read32(DISTRIBUTOR + GICD_TYPER) >> 17 & 1) != 0; }

void enable_distributor(void) { write32(DISTRIBUTOR + GICD_CTLR, 2); }

void enable_lpis(uint64_t cpu) {
  uint64_t at = REDISTRIBUTORS + cpu * PER_CPU;
  check("the redistributor has LPIs", (read64(at + GICR_TYPER) & 1) != 0);
  write64(at + GICR_PROPBASER, CONFIGURATION | (ID_BITS - 1));
  write64(at + GICR_PENDBASER, PENDING + cpu * 0x10000);
  write32(at + GICR_CTLR, 1);
  check("LPIs are enabled", (read32(at + GICR_CTLR) & 1) != 0);
}

void enable_its(void) {
  check("it is an ITS", (read64(ITS + GITS_TYPER) & 1) != 0);
  *(volatile uint64_t*)DEVICE_PAGES = DEVICES | VALID;
  write64(ITS + GITS_BASER0, DEVICE_PAGES | VALID | INDIRECT);
  write64(ITS + GITS_BASER1, COLLECTIONS | VALID);
  write64(ITS + GITS_CBASER, QUEUE | VALID);
  write64(ITS + GITS_CWRITER, 0);
  write32(ITS + GITS_CTLR, 1);
}

void set_lpi(uint32_t intid, uint8_t to) {
  *(volatile uint8_t*)(CONFIGURATION + intid - FIRST_LPI) = to;
}

static void put(uint64_t first, uint64_t second, uint64_t third, uint64_t fourth) {
  volatile uint64_t* place = (volatile uint64_t*)(QUEUE + written);
  place[0] = first;
  place[1] = second;
  place[2] = third;
  place[3] = fourth;
  written = (written + 32) % QUEUE_SIZE;
}

static void tell(void) {
  write64(ITS + GITS_CWRITER, written);
  for (int i = 0; i < 1000 && read64(ITS + GITS_CREADR) != written; ++i) {
  }
  check_equal("CREADR", read64(ITS + GITS_CREADR), written);
}

static void carry_out(uint64_t first, uint64_t second, uint64_t third, uint64_t fourth) {
  put(first, second, third, fourth);
  tell();
}

void its_command(uint8_t operation, uint32_t device, uint32_t event, uint32_t collection) {
  carry_out((uint64_t)device << 32 | operation, event, collection, 0);
}
void its_map_device(uint32_t device, unsigned event_bits) {
  carry_out((uint64_t)device << 32 | MAPD, event_bits - 1, EVENTS | VALID, 0);
}
void its_map_collection(uint64_t collection, uint64_t cpu) {
  carry_out(MAPC, 0, VALID | cpu << 16 | collection, 0);
}
void its_map_event(uint32_t device, uint32_t event, uint32_t intid, uint64_t collection) {
  carry_out((uint64_t)device << 32 | MAPTI, (uint64_t)intid << 32 | event, collection, 0);
}
void its_move_all(uint64_t from, uint64_t to) { carry_out(MOVALL, 0, from << 16, to << 16); }
void its_sync(uint64_t cpu, int times) {
  for (int i = 0; i < times; ++i) put(SYNC, 0, cpu << 16, 0);
  tell();
}

void its_write_translater(uint32_t event) { write32(ITS + GITS_TRANSLATER, event); }
