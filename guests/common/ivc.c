// Memory shared with another VM: the same program in two of them. The VM with id 1 publishes a
// channel, the other one subscribes; then they count, in turns, on its last page, and ring each
// other up by notifications, asleep in between.

#include "common/doorbell.h"
#include "runtime/atomic.h"
#include "runtime/guest.h"
#include "runtime/hypercall.h"

// Numbers and results of hypercalls.
enum { PUBLISH = 3, SUBSCRIBE = 4, UNPUBLISH = 5, UNSUBSCRIBE = 6, NOTIFY = 7 };
#define OK 0UL
#define NOT_SUPPORTED (~0UL)
#define ALREADY_EXISTS (-4UL)
#define NOT_FOUND (-5UL)
#define INVALID_ADDRESS (-9UL)

#define PUBLISHER 1UL
#define KEY 0x1c0ffeeUL
#define PAGES 3UL
#define ROUNDS 100UL
#define RINGS 20UL

static volatile uint64_t base, size;

static uint64_t publish(uint64_t key, uint64_t bytes) {
  size = bytes;
  return hypercall(PUBLISH, key, (uint64_t)&base, (uint64_t)&size, 0);
}
static uint64_t subscribe(uint64_t publisher, uint64_t key) {
  return hypercall(SUBSCRIBE, publisher, key, (uint64_t)&base, (uint64_t)&size);
}

// The channel's header names its publisher.
static uint64_t own_id(void) {
  check_equal("publish a channel of our own", publish(0, 0), OK);
  check_equal("its size", size, 4096);
  uint64_t id = *(volatile uint64_t*)base;
  check_equal("publish it again", publish(0, 0), ALREADY_EXISTS);
  check_equal("publish with a bad pointer", hypercall(PUBLISH, 1, 0, (uint64_t)&size, 0),
              INVALID_ADDRESS);
  check_equal("take it back", hypercall(UNPUBLISH, 0, 0, 0, 0), OK);
  check_equal("take it back again", hypercall(UNPUBLISH, 0, 0, 0, 0), NOT_FOUND);
  return id;
}

static void await(volatile uint64_t* word, uint64_t value) {
  while (*word != value) wait_for_event();
}

// The publisher makes the count odd, the subscriber makes it even again.
static void count(uint64_t first) {
  volatile uint64_t* word = (volatile uint64_t*)(base + (PAGES - 1) * 4096);
  for (uint64_t n = first; n < 2 * ROUNDS; n += 2) {
    await(word, n);
    *word = n + 1;
  }
  await(word, 2 * ROUNDS);
}

// Each call is answered by one; nobody looks at memory meanwhile.
static void ring(uint64_t other, uint64_t first) {
  if (first) check_equal("notify", hypercall(NOTIFY, PUBLISHER, KEY, other, 0), OK);
  for (uint64_t n = 1; n <= RINGS; ++n) {
    while (rings < n) doorbell_wait();
    if (n < RINGS || !first) {
      check_equal("notify", hypercall(NOTIFY, PUBLISHER, KEY, other, 0), OK);
    }
  }
  check_equal("notifications", rings, RINGS);
}

int main(void) {
  doorbell_enable();
  uint64_t id = own_id();
  print("ivc: VM %lu\n", id);
  if (id == PUBLISHER) {
    check_equal("publish", publish(KEY, PAGES * 4096 - 1), OK);
    count(0);
    ring(2, 1);
    check_equal("take the offer back", hypercall(UNPUBLISH, KEY, 0, 0, 0), OK);
  } else {
    while (subscribe(PUBLISHER, KEY) == NOT_FOUND) wait_for_event();
    check_equal("size", size, PAGES * 4096);
    check_equal("publisher in the header", ((volatile uint64_t*)base)[0], PUBLISHER);
    check_equal("key in the header", ((volatile uint64_t*)base)[1], KEY);
    check_equal("subscribe again", subscribe(PUBLISHER, KEY), ALREADY_EXISTS);
    count(1);
    ring(PUBLISHER, 0);
    check_equal("leave", hypercall(UNSUBSCRIBE, PUBLISHER, KEY, 0, 0), OK);
  }
  check_equal("notify without a channel", hypercall(NOTIFY, PUBLISHER, KEY, PUBLISHER, 0),
              NOT_FOUND);
  check_equal("a call that nobody knows", hypercall(8, 0, 0, 0, 0), NOT_SUPPORTED);
  return check_summary("ivc");
}
