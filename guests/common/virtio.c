// Finds a virtio disk and a virtio entropy device, and drives both by polling: with split queues,
// then with packed ones. Reads sectors, changes them, writes them back, reads them again.

#include "common/virtio_driver.h"

#define SLOTS 2
#define SECTOR 512

enum { REQUEST_IN = 0, REQUEST_OUT = 1, REQUEST_GET_ID = 8 };

static uint8_t data[2 * SECTOR];
static uint8_t again[2 * SECTOR];

struct request {
  uint32_t type;
  uint32_t reserved;
  uint64_t sector;
};

// `bytes` of data, cut in two buffers.
static void disk_request(struct virtio* disk, uint32_t type, uint64_t sector, uint8_t* bytes,
                         uint32_t length) {
  static struct request request;
  static uint8_t status;
  request = (struct request){type, 0, sector};
  status = 0xff;
  bool reads = type != REQUEST_OUT;
  uint32_t first = length / 3;
  struct buffer buffers[] = {
      {&request, sizeof request, false},
      {bytes, first, reads},
      {bytes + first, length - first, reads},
      {&status, 1, true},
  };
  uint32_t written = virtio_request(disk, buffers, 4);
  check_equal("status of a request", status, 0);
  check_equal("bytes that the disk wrote", written, reads ? length + 1 : 1);
}

// What `round` has left behind is what the next one finds.
static void test_disk(uint64_t base, bool packed, uint8_t round) {
  struct virtio disk;
  check("the disk agrees", virtio_start(&disk, base, 1, packed));
  check_equal("sectors", virtio_config(&disk, 0), 2048);
  disk_request(&disk, REQUEST_GET_ID, 0, data, 20);
  check("the disk's name", data[0] == 'v' && data[7] == 'd' && data[11] == 0);
  // More requests than the queue has places: the rings wrap.
  for (uint64_t sector = 2040; sector < 2046; ++sector) {
    disk_request(&disk, REQUEST_IN, sector, data, sizeof data);
    for (unsigned i = 0; i < sizeof data; ++i) {
      if (data[i] == round) continue;
      check_equal("a byte of the disk", data[i], round);
      return;
    }
    for (unsigned i = 0; i < sizeof data; ++i) data[i] = (uint8_t)(sector + i);
    disk_request(&disk, REQUEST_OUT, sector, data, sizeof data);
    disk_request(&disk, REQUEST_IN, sector, again, sizeof again);
    for (unsigned i = 0; i < sizeof data; ++i) {
      if (again[i] == data[i]) continue;
      check_equal("a byte that was written", again[i], data[i]);
      return;
    }
    for (unsigned i = 0; i < sizeof data; ++i) data[i] = (uint8_t)(round + (i < SECTOR));
    disk_request(&disk, REQUEST_OUT, sector, data, sizeof data);
  }
  for (unsigned i = 0; i < sizeof data; ++i) data[i] = (uint8_t)(round + 1);
  disk_request(&disk, REQUEST_OUT, 2046, data, sizeof data);
}

static void test_entropy(uint64_t base, bool packed, uint64_t* last) {
  struct virtio source;
  check("the entropy device agrees", virtio_start(&source, base, 1, packed));
  uint64_t words[4] = {0};
  struct buffer buffers[] = {{words, 20, true}, {(uint8_t*)words + 20, 12, true}};
  check_equal("bytes of entropy", virtio_request(&source, buffers, 2), 32);
  for (unsigned i = 0; i < 4; ++i) {
    check("entropy differs", words[i] != 0 && words[i] != *last);
    *last = words[i];
  }
}

int main(void) {
  uint64_t disk = virtio_find(VIRTIO_BLOCK, SLOTS);
  uint64_t source = virtio_find(VIRTIO_ENTROPY, SLOTS);
  print("virtio: disk at 0x%lx, entropy at 0x%lx\n", disk, source);
  if (disk == 0 || source == 0) return 1;
  uint64_t last = 0;
  for (unsigned round = 0; round < 2; ++round) {
    bool packed = round == 1;
    test_disk(disk, packed, (uint8_t)round);
    test_entropy(source, packed, &last);
    print("%s queues work\n", packed ? "packed" : "split");
  }
  return check_summary("virtio");
}
