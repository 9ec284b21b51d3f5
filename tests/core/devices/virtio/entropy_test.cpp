// The virtio entropy device: VIRTIO 1.2, 5.4.
#include <doctest/doctest.h>
#include <core/devices/virtio/entropy_device.hpp>
#include <tests/core/devices/virtio/driver.hpp>

using namespace axvm;
using namespace axvm::test;
using namespace axvm::test::virtio;

namespace {

using Bytes = std::vector<std::uint8_t>;

struct Counting final : EntropySource {
  void fill(std::span<std::byte> bytes) override {
    for (std::byte& byte : bytes) byte = static_cast<std::byte>(++count);
  }
  unsigned count = 0;
};

struct Generator {
  explicit Generator(std::uint64_t features = 0) { driver.start(features, 1, 8); }
  FakeDeviceHost host;
  Counting source;
  axvm::virtio::EntropyDevice device{
      "rng", {Bus::Mmio, 0xa00'0000, 0x200}, host, InterruptLine(host, 50), source};
  Driver driver{device, host};
};

}  // namespace

TEST_CASE("buffers are filled from the source, in order") {
  for (const std::uint64_t layout : {std::uint64_t{0}, kF_Packed}) {
    Generator g(layout);
    CHECK(g.driver.get(Reg::DeviceID) == 4);
    const Segment a = g.driver.lend_room(3);
    const Segment b = g.driver.lend_room(300);
    g.driver.queue(0).add({a, b});
    g.driver.notify(0);
    CHECK(g.driver.queue(0).take_used()->written == 303);
    CHECK(g.driver.bytes_of(a) == Bytes{1, 2, 3});
    CHECK(g.driver.bytes_of(b)[0] == 4);
    CHECK(g.driver.bytes_of(b)[299] == (303 & 0xff));
    CHECK(g.source.count == 303);
    CHECK(g.host.lines[50]);
  }
}

TEST_CASE("a buffer of any size costs no more than 64 KiB of entropy") {
  Generator g;
  g.driver.queue(0).add({g.driver.lend_room(1 << 20)});
  g.driver.notify(0);
  CHECK(g.driver.queue(0).take_used()->written == 64 << 10);
  CHECK(g.source.count == 64 << 10);
}

TEST_CASE("nothing is taken for a chain without room") {
  Generator g;
  g.driver.queue(0).add({g.driver.lend({1, 2})});
  g.driver.notify(0);
  CHECK(g.driver.queue(0).take_used()->written == 0);
  CHECK(g.source.count == 0);
}
