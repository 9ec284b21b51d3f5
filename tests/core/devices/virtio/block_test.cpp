// The virtio disk: VIRTIO 1.2, 5.2.
#include <doctest/doctest.h>
#include <rapidcheck.h>
#include <core/devices/virtio/block_device.hpp>
#include <numeric>
#include <tests/core/devices/virtio/driver.hpp>

using namespace axvm;
using namespace axvm::test;
using namespace axvm::test::virtio;
using axvm::virtio::BlockDevice;

namespace {

using Bytes = std::vector<std::uint8_t>;

constexpr std::uint32_t kIn = 0, kOut = 1, kFlush = 4, kGetId = 8, kDiscard = 11, kZeroes = 13;
constexpr std::uint8_t kOk = 0, kIoError = 1, kUnsupported = 2;
constexpr std::uint64_t kF_Ro = 1 << 5, kF_Flush = 1 << 9;

struct Store final : BlockStore {
  [[nodiscard]] std::uint64_t size() const noexcept override { return bytes.size(); }
  [[nodiscard]] bool is_read_only() const noexcept override { return read_only; }
  Result<> read(std::uint64_t offset, std::span<std::byte> to) override {
    if (broken) return fail(ErrorKind::BadState, "read", "broken");
    REQUIRE(offset + to.size() <= bytes.size());
    std::memcpy(to.data(), bytes.data() + offset, to.size());
    return {};
  }
  Result<> write(std::uint64_t offset, std::span<const std::byte> from) override {
    if (broken) return fail(ErrorKind::BadState, "write", "broken");
    REQUIRE(offset + from.size() <= bytes.size());
    REQUIRE_FALSE(read_only);
    std::memcpy(bytes.data() + offset, from.data(), from.size());
    return {};
  }
  Result<> flush() override {
    ++flushes;
    if (broken) return fail(ErrorKind::BadState, "flush", "broken");
    return {};
  }
  Bytes bytes = Bytes(64 * 512);
  bool read_only = false;
  bool broken = false;
  unsigned flushes = 0;
};

struct Disk {
  explicit Disk(std::uint64_t features = kF_Flush, bool read_only = false,
                std::size_t sectors = 64) {
    store.bytes.resize(512 * sectors);
    store.read_only = read_only;
    std::iota(store.bytes.begin(), store.bytes.end(), std::uint8_t{0});
    for (std::size_t i = 0; i < store.bytes.size(); i += 512) {
      store.bytes[i] = static_cast<std::uint8_t>(i / 512);
    }
    device.emplace("a disk", BusRange{Bus::Mmio, 0xa00'0000, 0x200}, host, InterruptLine(host, 48),
                   store);
    driver.emplace(*device, host);
    driver->start(features, 1, 16);
  }
  static Bytes header(std::uint32_t type, std::uint64_t sector) {
    Bytes bytes(16);
    std::memcpy(bytes.data(), &type, 4);
    std::memcpy(bytes.data() + 8, &sector, 8);
    return bytes;
  }
  /// Its status, 0xff when there is none.
  std::uint8_t request(std::uint32_t type, std::uint64_t sector, const Bytes& out,
                       std::uint32_t in_size = 0) {
    const Segment room = driver->lend_room(in_size);
    const Segment status = driver->lend_room(1);
    driver->ram.store_bytes(status.address, {0xff});
    driver->queue(0).add({driver->lend(header(type, sector)), driver->lend(out), room, status});
    driver->notify(0);
    in = driver->bytes_of(room);
    if (const auto used = driver->queue(0).take_used()) written = used->written;
    return driver->bytes_of(status)[0];
  }
  [[nodiscard]] Bytes sectors(std::size_t first, std::size_t count) const {
    const auto begin = store.bytes.begin() + static_cast<std::ptrdiff_t>(512 * first);
    return {begin, begin + static_cast<std::ptrdiff_t>(512 * count)};
  }
  static Bytes range(std::uint64_t sector, std::uint32_t sectors, std::uint32_t flags) {
    Bytes bytes(16);
    std::memcpy(bytes.data(), &sector, 8);
    std::memcpy(bytes.data() + 8, &sectors, 4);
    std::memcpy(bytes.data() + 12, &flags, 4);
    return bytes;
  }

  FakeDeviceHost host;
  Store store;
  std::optional<BlockDevice> device;
  std::optional<Driver> driver;
  Bytes in;
  std::uint32_t written = 0;
};

}  // namespace

TEST_CASE("a disk says how large it is and what it takes at once") {
  Disk disk;
  CHECK(disk.driver->get(Reg::DeviceID) == 2);
  CHECK(disk.driver->config(0, AccessWidth::Qword) == 64);
  CHECK(disk.driver->config(8, AccessWidth::Dword) == BlockDevice::kMostSegment);
  CHECK(disk.driver->config(12, AccessWidth::Dword) == BlockDevice::kMostSegments);
  CHECK(disk.driver->config(20, AccessWidth::Dword) == 512);
  CHECK(disk.driver->config(60, AccessWidth::Dword) == 0);
  CHECK((disk.driver->offered() & kF_Ro) == 0);
}

TEST_CASE("sectors are read and written") {
  Disk disk;
  CHECK(disk.request(kIn, 3, {}, 1024) == kOk);
  CHECK(disk.in == disk.sectors(3, 2));
  CHECK(disk.written == 1025);
  const Bytes data(1536, 0xa5);
  CHECK(disk.request(kOut, 61, data) == kOk);
  CHECK(disk.sectors(61, 3) == data);
  CHECK(disk.sectors(60, 1)[0] == 60);
  CHECK(disk.written == 1);
}

TEST_CASE("a request for nothing is carried out") {
  Disk disk;
  CHECK(disk.request(kIn, 64, {}, 0) == kOk);
  CHECK(disk.request(kOut, 64, {}) == kOk);
}

TEST_CASE("what lies behind the disk's end, or is no whole sector, is an error") {
  Disk disk;
  const Bytes before = disk.store.bytes;
  CHECK(disk.request(kIn, 63, {}, 1024) == kIoError);
  CHECK(disk.request(kIn, 65, {}, 0) == kIoError);
  CHECK(disk.request(kIn, ~0ULL, {}, 512) == kIoError);
  CHECK(disk.request(kIn, ~0ULL / 512 + 1, {}, 512) == kIoError);  // its first byte is byte 0
  CHECK(disk.request(kIn, 0, {}, 511) == kIoError);
  CHECK(disk.request(kOut, 63, Bytes(1024)) == kIoError);
  CHECK(disk.request(kOut, 0, Bytes(513)) == kIoError);
  CHECK(disk.store.bytes == before);
  CHECK_FALSE(disk.driver->needs_reset());
}

TEST_CASE("more data than any request may have is an error, and no work") {
  Disk disk(kF_Indirect | kF_Flush, false, 64 << 10);
  Segments chain = {disk.driver->lend(Disk::header(kIn, 0))};
  const Segment room = disk.driver->lend_room(BlockDevice::kMostSegment);
  for (unsigned i = 0; i <= BlockDevice::kMostSegments; ++i) chain.push_back(room);
  const Segment status = disk.driver->lend_room(1);
  chain.push_back(status);
  disk.driver->queue(0).add(chain, 0);
  disk.driver->notify(0);
  CHECK(disk.driver->bytes_of(status)[0] == kIoError);
}

TEST_CASE("what the storage cannot do is an error of the request") {
  Disk disk;
  disk.store.broken = true;
  CHECK(disk.request(kIn, 0, {}, 512) == kIoError);
  CHECK(disk.request(kOut, 0, Bytes(512)) == kIoError);
  CHECK(disk.request(kFlush, 0, {}) == kIoError);
  disk.store.broken = false;
  CHECK(disk.request(kIn, 0, {}, 512) == kOk);
}

TEST_CASE("a flush reaches the medium, and without FLUSH every write does") {
  Disk disk;
  CHECK(disk.request(kOut, 0, Bytes(512)) == kOk);
  CHECK(disk.store.flushes == 0);
  CHECK(disk.request(kFlush, 0, {}) == kOk);
  CHECK(disk.store.flushes == 1);
  Disk plain(0);
  CHECK(plain.request(kOut, 0, Bytes(512)) == kOk);
  CHECK(plain.store.flushes == 1);
}

TEST_CASE("a read-only disk says so and refuses every change") {
  Disk disk(kF_Ro, true);
  CHECK((disk.driver->offered() & kF_Ro) != 0);
  CHECK((disk.driver->offered() & kF_Flush) == 0);
  CHECK(disk.request(kIn, 1, {}, 512) == kOk);
  CHECK(disk.request(kOut, 1, Bytes(512)) == kIoError);
  CHECK(disk.request(kDiscard, 0, Disk::range(1, 1, 0)) == kIoError);
  CHECK(disk.request(kZeroes, 0, Disk::range(1, 1, 0)) == kIoError);
}

TEST_CASE("zeroes are written without being sent, and discards are heard") {
  Disk disk;
  CHECK(disk.request(kZeroes, 0, Disk::range(2, 62, 1)) == kOk);
  CHECK(disk.sectors(2, 62) == Bytes(62 * 512, 0));
  CHECK(disk.sectors(1, 1)[0] == 1);
  CHECK(disk.request(kZeroes, 0, Disk::range(2, 63, 0)) == kIoError);
  CHECK(disk.request(kZeroes, 0, Disk::range(2, 1, 2)) == kUnsupported);
  CHECK(disk.request(kZeroes, 0, Bytes(15)) == kIoError);
  CHECK(disk.request(kZeroes, 0, Bytes(32)) == kIoError);  // one range at a time
  CHECK(disk.request(kDiscard, 0, Disk::range(0, 64, 0)) == kOk);
  CHECK(disk.request(kDiscard, 0, Disk::range(0, 1, 1)) == kUnsupported);
  CHECK(disk.request(kDiscard, 0, Disk::range(64, 1, 0)) == kIoError);
  CHECK(disk.sectors(1, 1)[0] == 1);
}

TEST_CASE("a disk's serial number is its name, as far as there is room") {
  Disk disk;
  CHECK(disk.request(kGetId, 0, {}, 20) == kOk);
  Bytes id{'a', ' ', 'd', 'i', 's', 'k'};
  id.resize(20);
  CHECK(disk.in == id);
  CHECK(disk.written == 21);
  CHECK(disk.request(kGetId, 0, {}, 3) == kOk);
  CHECK(disk.in == Bytes{'a', ' ', 'd'});
}

TEST_CASE("unknown requests are not supported, and nothing worse") {
  Disk disk;
  for (const std::uint32_t type : {2U, 3U, 5U, 14U, 0x8000'0000U}) {
    CHECK(disk.request(type, 0, {}, 512) == kUnsupported);
  }
}

TEST_CASE("a request without header or status breaks the rules") {
  Disk no_status;
  no_status.driver->queue(0).add({no_status.driver->lend(Disk::header(kFlush, 0))});
  no_status.driver->notify(0);
  CHECK(no_status.driver->needs_reset());
  Disk no_header;
  no_header.driver->queue(0).add(
      {no_header.driver->lend(Bytes(15)), no_header.driver->lend_room(1)});
  no_header.driver->notify(0);
  CHECK(no_header.driver->needs_reset());
}

TEST_CASE("a request that is written to no memory ends in a reset, on both sides") {
  for (const bool reads : {true, false}) {
    Disk disk;
    disk.driver->queue(0).add({disk.driver->lend(Disk::header(reads ? kIn : kOut, 0)),
                               {0x1000, 512, reads},
                               disk.driver->lend_room(1)});
    disk.driver->notify(0);
    CHECK(disk.driver->needs_reset());
    CHECK(disk.driver->get(Reg::InterruptStatus) == 2);
  }
}

TEST_CASE("a disk is as if it were memory, whatever the layout and the cuts") {
  CHECK(rc::check("reads give what was written last", [] {
    const std::uint64_t layout = *rc::gen::element(std::uint64_t{0}, kF_Packed);
    Disk disk(kF_Flush | kF_Indirect | layout);
    Bytes model = disk.store.bytes;
    for (int step = 0; step < 10; ++step) {
      const auto sector = *rc::gen::inRange<std::uint64_t>(0, 64);
      const auto count = *rc::gen::inRange<std::uint64_t>(1, 65 - sector);
      const bool reads = *rc::gen::arbitrary<bool>();
      // All bytes of one side, cut anywhere.
      Bytes out = Disk::header(reads ? kIn : kOut, sector);
      const std::uint8_t fill = *rc::gen::arbitrary<std::uint8_t>();
      if (!reads) out.resize(16 + 512 * count, fill);
      const auto in_size = static_cast<std::uint32_t>((reads ? 512 * count : 0) + 1);
      const Segment source = disk.driver->lend(out);
      const Segment target = disk.driver->lend_room(in_size);
      Segments chain;
      for (const Segment& whole : {source, target}) {
        std::uint32_t at = 0;
        for (int cuts = *rc::gen::inRange(0, 5); cuts > 0 && at < whole.length; --cuts) {
          const auto length = *rc::gen::inRange<std::uint32_t>(0, whole.length - at);
          chain.push_back({whole.address + at, length, whole.writable});
          at += length;
        }
        chain.push_back({whole.address + at, whole.length - at, whole.writable});
      }
      disk.driver->queue(0).add(chain, *rc::gen::arbitrary<bool>() ? 0 : chain.size());
      disk.driver->notify(0);
      const auto used = disk.driver->queue(0).take_used();
      RC_ASSERT(used.has_value());
      RC_ASSERT(used->written == in_size);
      const Bytes answer = disk.driver->bytes_of(target);
      RC_ASSERT(answer.back() == kOk);
      const auto begin = model.begin() + static_cast<std::ptrdiff_t>(512 * sector);
      if (reads) {
        RC_ASSERT(std::equal(answer.begin(), answer.end() - 1, begin));
      } else {
        std::fill_n(begin, 512 * count, fill);
      }
    }
    RC_ASSERT(disk.store.bytes == model);
  }));
}
