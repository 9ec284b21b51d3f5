// A polling driver of one virtio-mmio device with one queue, in either layout. Virtual I/O Device
// (VIRTIO) 1.2: registers 4.2.2, split queues 2.7, packed queues 2.8.
#pragma once

#include "runtime/guest.h"

#define VIRTIO_BASE 0x0a000000UL  // of the `virt` memory map: 32 slots
#define VIRTIO_SLOT 0x200UL
#define VIRTIO_BLOCK 2
#define VIRTIO_ENTROPY 4

#define QUEUE_SIZE 8

struct buffer {
  void* bytes;
  uint32_t length;
  bool device_writes;
};

struct virtio {
  uint64_t base;
  bool packed;
  uint16_t available;  // chains made available (split), next place (packed)
  uint16_t used;
  bool wrap;
};

// The first of `slots` slots that holds a device of this kind; 0 when none does.
uint64_t virtio_find(uint32_t device_id, unsigned slots);
// Resets the device, negotiates, places queue 0; false when the device does not agree.
bool virtio_start(struct virtio* device, uint64_t base, bool packed);
// Hands over a chain of buffers, waits until it comes back. The bytes the device says it wrote.
uint32_t virtio_request(struct virtio* device, const struct buffer* buffers, unsigned count);
uint32_t virtio_config(const struct virtio* device, uint64_t offset);
