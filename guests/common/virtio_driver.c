#include "common/virtio_driver.h"

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

static struct {
  volatile struct descriptor table[QUEUE_SIZE];
  volatile uint16_t driver[2 + QUEUE_SIZE + 1];
  volatile uint32_t device[1 + 2 * QUEUE_SIZE + 1];
} rings[MOST_QUEUES] __attribute__((aligned(64)));

static volatile uint32_t* reg(uint64_t base, uint64_t offset) {
  return (volatile uint32_t*)(base + offset);
}

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

static bool start_queue(uint64_t base, unsigned queue) {
  for (unsigned i = 0; i < QUEUE_SIZE; ++i) {
    rings[queue].table[i].address = 0;
    rings[queue].table[i].length = 0;
    rings[queue].table[i].low = rings[queue].table[i].high = 0;
  }
  for (unsigned i = 0; i < 3 + QUEUE_SIZE; ++i) rings[queue].driver[i] = 0;
  for (unsigned i = 0; i < 2 + 2 * QUEUE_SIZE; ++i) rings[queue].device[i] = 0;
  *reg(base, QUEUE_SEL) = queue;
  if (*reg(base, QUEUE_NUM_MAX) < QUEUE_SIZE) return false;
  *reg(base, QUEUE_NUM) = QUEUE_SIZE;
  place(base, QUEUE_DESC, rings[queue].table);
  place(base, QUEUE_DRIVER, rings[queue].driver);
  place(base, QUEUE_DEVICE, rings[queue].device);
  *reg(base, QUEUE_READY) = 1;
  return *reg(base, QUEUE_READY) == 1;
}

bool virtio_start(struct virtio* device, uint64_t base, unsigned queues, bool packed) {
  *device = (struct virtio){.base = base, .packed = packed};
  *reg(base, STATUS) = 0;
  *reg(base, STATUS) = ACKNOWLEDGE;
  *reg(base, STATUS) = ACKNOWLEDGE | DRIVER;
  *reg(base, DRIVER_FEATURES_SEL) = 0;
  *reg(base, DRIVER_FEATURES) = 0;
  *reg(base, DRIVER_FEATURES_SEL) = 1;
  *reg(base, DRIVER_FEATURES) = F_VERSION_1 | (packed ? F_RING_PACKED : 0);
  *reg(base, STATUS) = ACKNOWLEDGE | DRIVER | FEATURES_OK;
  if ((*reg(base, STATUS) & FEATURES_OK) == 0) return false;
  for (unsigned queue = 0; queue < queues; ++queue) {
    device->queues[queue].wrap = true;
    if (!start_queue(base, queue)) return false;
  }
  *reg(base, STATUS) = ACKNOWLEDGE | DRIVER | FEATURES_OK | DRIVER_OK;
  return *reg(base, STATUS) == (ACKNOWLEDGE | DRIVER | FEATURES_OK | DRIVER_OK);
}

static uint16_t flags_of(const struct buffer* buffer, bool last) {
  return (uint16_t)((buffer->device_writes ? WRITE : 0) | (last ? 0 : NEXT));
}

// The chain is always in descriptors 0, 1, ….
static void split_submit(struct virtio* device, unsigned queue, const struct buffer* buffers,
                         unsigned count) {
  struct virtio_queue* q = &device->queues[queue];
  for (unsigned i = 0; i < count; ++i) {
    volatile struct descriptor* descriptor = &rings[queue].table[i];
    descriptor->address = (uint64_t)buffers[i].bytes;
    descriptor->length = buffers[i].length;
    descriptor->low = flags_of(&buffers[i], i + 1 == count);
    descriptor->high = (uint16_t)(i + 1);
  }
  rings[queue].driver[2 + q->available % QUEUE_SIZE] = 0;
  memory_barrier();
  rings[queue].driver[1] = ++q->available;
}

static bool split_poll(struct virtio* device, unsigned queue, uint32_t* written) {
  struct virtio_queue* q = &device->queues[queue];
  volatile uint16_t* index = (volatile uint16_t*)rings[queue].device + 1;
  if (*index == q->used) return false;
  memory_barrier();
  *written = rings[queue].device[1 + 2 * (q->used++ % QUEUE_SIZE) + 1];
  return true;
}

static void packed_submit(struct virtio* device, unsigned queue, const struct buffer* buffers,
                          unsigned count) {
  struct virtio_queue* q = &device->queues[queue];
  uint16_t head_flags = 0;
  q->used = q->available;
  q->round = q->wrap;
  for (unsigned i = 0; i < count; ++i) {
    volatile struct descriptor* descriptor = &rings[queue].table[q->available];
    uint16_t flags =
        (uint16_t)(flags_of(&buffers[i], i + 1 == count) | (q->wrap ? AVAILABLE : USED));
    descriptor->address = (uint64_t)buffers[i].bytes;
    descriptor->length = buffers[i].length;
    descriptor->low = 7;  // the chain's id
    if (i == 0) {
      head_flags = flags;
    } else {
      descriptor->high = flags;
    }
    if (++q->available == QUEUE_SIZE) {
      q->available = 0;
      q->wrap = !q->wrap;
    }
  }
  memory_barrier();
  rings[queue].table[q->used].high = head_flags;
}

// Used descriptors have both flags as the round in which they were available.
static bool packed_poll(struct virtio* device, unsigned queue, uint32_t* written) {
  struct virtio_queue* q = &device->queues[queue];
  volatile struct descriptor* descriptor = &rings[queue].table[q->used];
  uint16_t flags = descriptor->high;
  if (((flags & AVAILABLE) != 0) != q->round || ((flags & USED) != 0) != q->round) return false;
  memory_barrier();
  check_equal("id of the chain", descriptor->low, 7);
  *written = descriptor->length;
  return true;
}

void virtio_submit(struct virtio* device, unsigned queue, const struct buffer* buffers,
                   unsigned count) {
  if (device->packed) {
    packed_submit(device, queue, buffers, count);
  } else {
    split_submit(device, queue, buffers, count);
  }
  memory_barrier();
  *reg(device->base, QUEUE_NOTIFY) = queue;
}

bool virtio_poll(struct virtio* device, unsigned queue, uint32_t* written) {
  memory_barrier();
  return device->packed ? packed_poll(device, queue, written) : split_poll(device, queue, written);
}

uint32_t virtio_request(struct virtio* device, const struct buffer* buffers, unsigned count) {
  uint32_t written = 0;
  virtio_submit(device, 0, buffers, count);
  while (!virtio_poll(device, 0, &written)) {
  }
  check_equal("interrupt status", *reg(device->base, INTERRUPT_STATUS), 1);
  *reg(device->base, INTERRUPT_ACK) = 1;
  check_equal("interrupt status", *reg(device->base, INTERRUPT_STATUS), 0);
  return written;
}

uint32_t virtio_config(const struct virtio* device, uint64_t offset) {
  return *reg(device->base, CONFIG + offset);
}
