// One of two VMs that exchange frames over a switch, by polling. Each sends a numbered frame to
// everybody, waits for the other one's, and answers with the next number to its address.

#include "common/virtio_driver.h"

#define SLOTS 2
#define EXCHANGES 20
#define HEADER 12  // struct virtio_net_hdr
#define FRAME 60
#define PATIENCE 20000000UL  // looks at the queue

enum { RECEIVE = 0, TRANSMIT = 1 };

static uint8_t incoming[HEADER + 1518];
static uint8_t outgoing[HEADER + FRAME];
static struct virtio card;

static void listen(void) {
  struct buffer room = {incoming, sizeof incoming, true};
  virtio_submit(&card, RECEIVE, &room, 1);
}

// The header in a buffer of its own.
static void send(uint8_t number) {
  outgoing[HEADER + 14] = number;
  struct buffer buffers[] = {{outgoing, HEADER, false}, {outgoing + HEADER, FRAME, false}};
  virtio_submit(&card, TRANSMIT, buffers, 2);
  uint32_t written = 1;
  while (!virtio_poll(&card, TRANSMIT, &written)) {
  }
  check_equal("bytes written to a frame that was sent", written, 0);
}

static bool receive(void) {
  uint32_t written = 0;
  for (uint64_t i = 0; i < PATIENCE; ++i) {
    if (!virtio_poll(&card, RECEIVE, &written)) continue;
    check_equal("bytes of a frame", written, HEADER + FRAME);
    check_equal("buffers of a frame", incoming[10], 1);
    return true;
  }
  check("a frame comes", false);
  return false;
}

int main(void) {
  uint64_t base = virtio_find(VIRTIO_NETWORK, SLOTS);
  if (base == 0) return 1;
  card.base = base;
  uint8_t mac[8];
  for (unsigned i = 0; i < 8; i += 4) {
    uint32_t word = virtio_config(&card, i);
    for (unsigned j = 0; j < 4; ++j) mac[i + j] = (uint8_t)(word >> (8 * j));
  }
  check_equal("link", mac[6], 1);
  // Packed queues in one VM, split ones in the other.
  check("the card agrees", virtio_start(&card, base, 2, mac[4] % 2 == 0));
  print("network: card of VM %u\n", mac[4]);
  for (unsigned i = 0; i < 6; ++i) {
    outgoing[HEADER + i] = 0xff;
    outgoing[HEADER + 6 + i] = mac[i];
  }
  outgoing[HEADER + 12] = 0x88;  // for experiments (IEEE 802)
  outgoing[HEADER + 13] = 0xb5;
  // The switch keeps it for a VM that is late.
  listen();
  send(0);
  for (unsigned number = 0; number < EXCHANGES; ++number) {
    if (!receive()) break;
    check_equal("number of a frame", incoming[HEADER + 14], number);
    check("who sent it", incoming[HEADER + 10] != mac[4]);
    for (unsigned i = 0; i < 6; ++i) outgoing[HEADER + i] = incoming[HEADER + 6 + i];
    listen();
    send((uint8_t)(number + 1));
  }
  return check_summary("network");
}
