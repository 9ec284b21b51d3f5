// Memory shared with another VM: the same program in two of them. The VM with id 1 publishes a
// channel, the other one subscribes; then they count, in turns, on its last page, and ring each
// other up by notifications, asleep in between.

#include "runtime/guest.h"
#include "runtime/interrupts.h"

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
#define DOORBELL 60  // as the window in the configuration says

static volatile uint64_t base, size, rings;

bool guest_interrupt(void) {
  uint32_t intid = acknowledge_interrupt();
  if (intid == NO_INTERRUPT) return true;
  if (intid != DOORBELL) return false;
  ++rings;
  end_interrupt(intid);
  return true;
}

static uint64_t call(uint64_t number, uint64_t a1, uint64_t a2, uint64_t a3, uint64_t a4) {
  register uint64_t x0 __asm__("x0") = number;
  register uint64_t x1 __asm__("x1") = a1;
  register uint64_t x2 __asm__("x2") = a2;
  register uint64_t x3 __asm__("x3") = a3;
  register uint64_t x4 __asm__("x4") = a4;
  __asm__ volatile("hvc #0" : "+r"(x0) : "r"(x1), "r"(x2), "r"(x3), "r"(x4) : "memory");
  return x0;
}

static uint64_t publish(uint64_t key, uint64_t bytes) {
  size = bytes;
  return call(PUBLISH, key, (uint64_t)&base, (uint64_t)&size, 0);
}
static uint64_t subscribe(uint64_t publisher, uint64_t key) {
  return call(SUBSCRIBE, publisher, key, (uint64_t)&base, (uint64_t)&size);
}

// The channel's header names its publisher.
static uint64_t own_id(void) {
  check_equal("publish a channel of our own", publish(0, 0), OK);
  check_equal("its size", size, 4096);
  uint64_t id = *(volatile uint64_t*)base;
  check_equal("publish it again", publish(0, 0), ALREADY_EXISTS);
  check_equal("publish with a bad pointer", call(PUBLISH, 1, 0, (uint64_t)&size, 0),
              INVALID_ADDRESS);
  check_equal("take it back", call(UNPUBLISH, 0, 0, 0, 0), OK);
  check_equal("take it back again", call(UNPUBLISH, 0, 0, 0, 0), NOT_FOUND);
  return id;
}

static void await(volatile uint64_t* word, uint64_t value) {
  while (*word != value) __asm__ volatile("wfe");
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
  if (first) check_equal("notify", call(NOTIFY, PUBLISHER, KEY, other, 0), OK);
  for (uint64_t n = 1; n <= RINGS; ++n) {
    while (rings < n) {
      wait_for_interrupt();
      take_interrupts();
    }
    if (n < RINGS || !first) {
      check_equal("notify", call(NOTIFY, PUBLISHER, KEY, other, 0), OK);
    }
  }
  check_equal("notifications", rings, RINGS);
}

int main(void) {
  mask_interrupts();
  enable_interrupt_interface();
  uint64_t id = own_id();
  print("ivc: VM %lu\n", id);
  if (id == PUBLISHER) {
    check_equal("publish", publish(KEY, PAGES * 4096 - 1), OK);
    count(0);
    ring(2, 1);
    check_equal("take the offer back", call(UNPUBLISH, KEY, 0, 0, 0), OK);
  } else {
    while (subscribe(PUBLISHER, KEY) == NOT_FOUND) __asm__ volatile("wfe");
    check_equal("size", size, PAGES * 4096);
    check_equal("publisher in the header", ((volatile uint64_t*)base)[0], PUBLISHER);
    check_equal("key in the header", ((volatile uint64_t*)base)[1], KEY);
    check_equal("subscribe again", subscribe(PUBLISHER, KEY), ALREADY_EXISTS);
    count(1);
    ring(PUBLISHER, 0);
    check_equal("leave", call(UNSUBSCRIBE, PUBLISHER, KEY, 0, 0), OK);
  }
  check_equal("notify without a channel", call(NOTIFY, PUBLISHER, KEY, PUBLISHER, 0), NOT_FOUND);
  check_equal("a call that nobody knows", call(8, 0, 0, 0, 0), NOT_SUPPORTED);
  return check_summary("ivc");
}
