// A polling driver of virtio-mmio devices with one or two queues, in either layout. Virtual I/O
// Device (VIRTIO) 1.2: registers 4.2.2, split queues 2.7, packed queues 2.8.
#pragma once

#include "runtime/guest.h"

#define VIRTIO_NETWORK 1
#define VIRTIO_BLOCK 2
#define VIRTIO_ENTROPY 4

#define QUEUE_SIZE 8
#define MOST_QUEUES 2

struct buffer {
  void* bytes;
  uint32_t length;
  bool device_writes;
};

// One chain at a time is under way in each queue.
struct virtio_queue {
  uint16_t available;  // split: chains made available; packed: the next place
  uint16_t used;       // split: chains that came back; packed: the place of the one under way
  bool wrap;           // packed: of the next place
  bool round;          // packed: of the place under way
};

struct virtio {
  uint64_t base;
  bool packed;
  struct virtio_queue queues[MOST_QUEUES];
};

// The first of `slots` slots that holds a device of this kind; 0 when none does.
uint64_t virtio_find(uint32_t device_id, unsigned slots);
// Resets the device, negotiates, places its queues; false when the device does not agree. Queues
// are in memory of the driver's own: one device at a time.
bool virtio_start(struct virtio* device, uint64_t base, unsigned queues, bool packed);
// Hands over a chain of buffers.
void virtio_submit(struct virtio* device, unsigned queue, const struct buffer* buffers,
                   unsigned count);
// Whether it has come back, and then the bytes that the device says it wrote.
bool virtio_poll(struct virtio* device, unsigned queue, uint32_t* written);
// Both, for queue 0; checks that an interrupt is raised with it.
uint32_t virtio_request(struct virtio* device, const struct buffer* buffers, unsigned count);
uint32_t virtio_config(const struct virtio* device, uint64_t offset);
