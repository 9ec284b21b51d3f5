#include "virtio.h"

enum {
  MAGIC_VALUE = 0x000,
  VERSION = 0x004,
  DEVICE_ID = 0x008,
  DRIVER_FEATURES = 0x020,
  DRIVER_FEATURES_SEL = 0x024,
  QUEUE_SEL = 0x030,
  QUEUE_NUM_MAX = 0x034,
  QUEUE_NUM = 0x038,
  QUEUE_READY = 0x044,
  QUEUE_NOTIFY = 0x050,
  INTERRUPT_STATUS = 0x060,
  INTERRUPT_ACK = 0x064,
  STATUS = 0x070,
  QUEUE_DESC = 0x080,
  QUEUE_DRIVER = 0x090,
  QUEUE_DEVICE = 0x0a0,
  CONFIG = 0x100,
};

enum { ACKNOWLEDGE = 1, DRIVER = 2, DRIVER_OK = 4, FEATURES_OK = 8 };
enum { F_VERSION_1 = 1 << 0, F_RING_PACKED = 1 << 2 };  // of bits 32 to 63
enum { NEXT = 1, WRITE = 2, AVAILABLE = 1 << 7, USED = 1 << 15 };

struct descriptor {
  uint64_t address;
  uint32_t length;
  uint16_t low;   // split: flags; packed: id
  uint16_t high;  // split: next; packed: flags
};

// One device at a time.
static struct {
  volatile struct descriptor table[QUEUE_SIZE];
  volatile uint16_t driver[2 + QUEUE_SIZE + 1];
  volatile uint32_t device[1 + 2 * QUEUE_SIZE + 1];
} queue __attribute__((aligned(64)));

static volatile uint32_t* reg(uint64_t base, uint64_t offset) {
  return (volatile uint32_t*)(base + offset);
}
static void barrier(void) { __asm__ volatile("dmb sy" ::: "memory"); }

uint64_t virtio_find(uint32_t device_id, unsigned slots) {
  for (unsigned i = 0; i < slots; ++i) {
    uint64_t base = VIRTIO_BASE + i * VIRTIO_SLOT;
    if (*reg(base, MAGIC_VALUE) == 0x74726976 && *reg(base, VERSION) == 2 &&
        *reg(base, DEVICE_ID) == device_id) {
      return base;
    }
  }
  return 0;
}

static void place(uint64_t base, uint64_t offset, const volatile void* area) {
  *reg(base, offset) = (uint32_t)(uint64_t)area;
  *reg(base, offset + 4) = (uint32_t)((uint64_t)area >> 32);
}

bool virtio_start(struct virtio* device, uint64_t base, bool packed) {
  *device = (struct virtio){.base = base, .packed = packed, .wrap = true};
  *reg(base, STATUS) = 0;
  *reg(base, STATUS) = ACKNOWLEDGE;
  *reg(base, STATUS) = ACKNOWLEDGE | DRIVER;
  *reg(base, DRIVER_FEATURES_SEL) = 0;
  *reg(base, DRIVER_FEATURES) = 0;
  *reg(base, DRIVER_FEATURES_SEL) = 1;
  *reg(base, DRIVER_FEATURES) = F_VERSION_1 | (packed ? F_RING_PACKED : 0);
  *reg(base, STATUS) = ACKNOWLEDGE | DRIVER | FEATURES_OK;
  if ((*reg(base, STATUS) & FEATURES_OK) == 0) return false;
  for (unsigned i = 0; i < QUEUE_SIZE; ++i) {
    queue.table[i].address = 0;
    queue.table[i].length = 0;
    queue.table[i].low = queue.table[i].high = 0;
  }
  for (unsigned i = 0; i < 3 + QUEUE_SIZE; ++i) queue.driver[i] = 0;
  for (unsigned i = 0; i < 2 + 2 * QUEUE_SIZE; ++i) queue.device[i] = 0;
  *reg(base, QUEUE_SEL) = 0;
  if (*reg(base, QUEUE_NUM_MAX) < QUEUE_SIZE) return false;
  *reg(base, QUEUE_NUM) = QUEUE_SIZE;
  place(base, QUEUE_DESC, queue.table);
  place(base, QUEUE_DRIVER, queue.driver);
  place(base, QUEUE_DEVICE, queue.device);
  *reg(base, QUEUE_READY) = 1;
  *reg(base, STATUS) = ACKNOWLEDGE | DRIVER | FEATURES_OK | DRIVER_OK;
  return *reg(base, STATUS) == (ACKNOWLEDGE | DRIVER | FEATURES_OK | DRIVER_OK);
}

// The chain is always in descriptors 0, 1, …: only one is under way.
static uint32_t split_request(struct virtio* device, const struct buffer* buffers, unsigned count) {
  for (unsigned i = 0; i < count; ++i) {
    queue.table[i].address = (uint64_t)buffers[i].bytes;
    queue.table[i].length = buffers[i].length;
    queue.table[i].low =
        (uint16_t)((buffers[i].device_writes ? WRITE : 0) | (i + 1 < count ? NEXT : 0));
    queue.table[i].high = (uint16_t)(i + 1);
  }
  queue.driver[2 + device->available % QUEUE_SIZE] = 0;
  barrier();
  queue.driver[1] = ++device->available;
  barrier();
  *reg(device->base, QUEUE_NOTIFY) = 0;
  volatile uint16_t* index = (volatile uint16_t*)queue.device + 1;
  while (*index == device->used) barrier();
  barrier();
  return queue.device[1 + 2 * (device->used++ % QUEUE_SIZE) + 1];
}

static uint32_t packed_request(struct virtio* device, const struct buffer* buffers,
                               unsigned count) {
  unsigned head = device->available;
  uint16_t head_flags = 0;
  for (unsigned i = 0; i < count; ++i) {
    volatile struct descriptor* descriptor = &queue.table[device->available];
    uint16_t flags = (uint16_t)((buffers[i].device_writes ? WRITE : 0) |
                                (i + 1 < count ? NEXT : 0) | (device->wrap ? AVAILABLE : USED));
    descriptor->address = (uint64_t)buffers[i].bytes;
    descriptor->length = buffers[i].length;
    descriptor->low = 7;
    if (i == 0) {
      head_flags = flags;
    } else {
      descriptor->high = flags;
    }
    if (++device->available == QUEUE_SIZE) {
      device->available = 0;
      device->wrap = !device->wrap;
    }
  }
  // Used descriptors have both flags as the round in which they were available.
  bool round = (head_flags & AVAILABLE) != 0;
  barrier();
  queue.table[head].high = head_flags;
  barrier();
  *reg(device->base, QUEUE_NOTIFY) = 0;
  for (;;) {
    uint16_t flags = queue.table[head].high;
    if (((flags & AVAILABLE) != 0) == round && ((flags & USED) != 0) == round) break;
    barrier();
  }
  barrier();
  check_equal("id of the chain", queue.table[head].low, 7);
  return queue.table[head].length;
}

uint32_t virtio_request(struct virtio* device, const struct buffer* buffers, unsigned count) {
  uint32_t written = device->packed ? packed_request(device, buffers, count)
                                    : split_request(device, buffers, count);
  check_equal("interrupt status", *reg(device->base, INTERRUPT_STATUS), 1);
  *reg(device->base, INTERRUPT_ACK) = 1;
  check_equal("interrupt status", *reg(device->base, INTERRUPT_STATUS), 0);
  return written;
}

uint32_t virtio_config(const struct virtio* device, uint64_t offset) {
  return *reg(device->base, CONFIG + offset);
}
