// The MMIO registers: VIRTIO 1.2, 4.2.2 and 2.1.
#include <doctest/doctest.h>
#include <rapidcheck.h>
#include <tests/core/devices/virtio/echo_device.hpp>

using namespace axvm;
using namespace axvm::test::virtio;

namespace {

constexpr std::uint32_t kNeedsReset = 64;

// Status of an echo device whose queue 0 the driver places as told.
std::uint32_t status_with_queue(std::uint64_t features, std::uint64_t size,
                                std::uint64_t descriptors, std::uint64_t driver,
                                std::uint64_t device) {
  Echo echo;
  echo.driver.ram.take(0x4000);
  REQUIRE(echo.driver.negotiate(features | kF_Version1));
  const bool ready = echo.driver.place_queue(0, size, descriptors, driver, device);
  CHECK(ready == ((echo.driver.get(Reg::Status) & kNeedsReset) == 0));
  CHECK(echo.driver.get(Reg::InterruptStatus) == 0);  // the driver is not ready for any (2.1.2)
  return echo.driver.get(Reg::Status);
}

}  // namespace

TEST_CASE("a device says what it is, and that it is no legacy one") {
  Echo echo;
  CHECK(echo.driver.get(Reg::MagicValue) == 0x74726976);
  CHECK(echo.driver.get(Reg::Version) == 2);
  CHECK(echo.driver.get(Reg::DeviceID) == 4);
  CHECK(echo.driver.get(Reg::QueueNumMax) == 256);
  CHECK(echo.driver.get(Reg::ConfigGeneration) == 0);
  for (std::uint64_t at = 0xb0; at <= 0xbc; at += 4) {
    CHECK(echo.driver.get(static_cast<Reg>(at)) == 0xffff'ffff);  // no shared memory
  }
  echo.driver.set(Reg::QueueSel, 2);
  CHECK(echo.driver.get(Reg::QueueNumMax) == 0);
}

TEST_CASE("features are offered in two words, and there is no third") {
  Echo echo;
  CHECK(echo.driver.offered() == (EchoDevice::kOwnFeature | kF_Indirect | kF_EventIdx |
                                  kF_Version1 | kF_Packed | kF_RingReset));
  echo.driver.set(Reg::DeviceFeaturesSel, 2);
  CHECK(echo.driver.get(Reg::DeviceFeatures) == 0);
}

TEST_CASE("FEATURES_OK needs VERSION_1 and nothing that was not offered") {
  Echo echo;
  CHECK_FALSE(echo.driver.negotiate(EchoDevice::kOwnFeature));  // a legacy driver
  CHECK_FALSE(echo.driver.negotiate(kF_Version1 | 1));
  CHECK_FALSE(echo.driver.negotiate(kF_Version1 | 1ULL << 63));
  CHECK(echo.driver.negotiate(kF_Version1));
  CHECK(echo.driver.negotiate(echo.driver.offered()));
}

TEST_CASE("without FEATURES_OK there is no queue and no DRIVER_OK") {
  Echo echo;
  echo.driver.ram.take(0x4000);
  CHECK_FALSE(echo.driver.negotiate(0));
  CHECK_FALSE(echo.driver.place_queue(0, 8, 0x4000'0000, 0x4000'1000, 0x4000'2000));
  echo.driver.set(Reg::Status, 15);
  CHECK(echo.driver.get(Reg::Status) == 3);
}

TEST_CASE("what is negotiated stays until the reset, as status bits do") {
  Echo echo;
  REQUIRE(echo.driver.negotiate(kF_Version1));
  echo.driver.set(Reg::DriverFeaturesSel, 0);
  echo.driver.set(Reg::DriverFeatures, 1);  // was not offered, but comes too late
  echo.driver.make_queue(0, 8);
  echo.driver.set(Reg::Status, 15);
  echo.driver.set(Reg::Status, 1);
  CHECK(echo.driver.get(Reg::Status) == 15);
  echo.driver.queue(0).add({echo.driver.lend({1})});
  echo.driver.notify(0);
  CHECK(echo.device.seen.size() == 1);
}

TEST_CASE("nothing is taken from a queue before DRIVER_OK, and everything then") {
  Echo echo;
  REQUIRE(echo.driver.negotiate(kF_Version1));
  echo.driver.make_queue(0, 8);
  echo.driver.queue(0).add({echo.driver.lend({7})});
  echo.driver.notify(0);
  CHECK(echo.device.seen.empty());
  echo.driver.set(Reg::Status, 15);
  CHECK(echo.device.seen == std::vector<Bytes>{{7}});
}

TEST_CASE("a driver that has failed gets nothing more") {
  Echo echo;
  echo.driver.start(0, 1, 8);
  echo.driver.set(Reg::Status, 128 | 15);
  echo.driver.queue(0).add({echo.driver.lend({7})});
  echo.driver.notify(0);
  CHECK(echo.device.seen.empty());
}

TEST_CASE("a reset is as when it was made") {
  Echo echo;
  echo.driver.start(kF_Packed, 2, 8);
  echo.driver.queue(0).add({echo.driver.lend({7})});
  echo.driver.notify(0);
  CHECK(echo.host.lines[EchoDevice::kInterrupt]);
  echo.driver.set(Reg::Status, 0);
  CHECK(echo.device.resets == 2);  // the driver began with one
  CHECK_FALSE(echo.host.lines[EchoDevice::kInterrupt]);
  CHECK(echo.driver.get(Reg::InterruptStatus) == 0);
  for (std::uint32_t queue = 0; queue < 2; ++queue) {
    echo.driver.set(Reg::QueueSel, queue);
    CHECK(echo.driver.get(Reg::QueueReady) == 0);
  }
  echo.driver.start(0, 1, 8);  // split rings now
  echo.driver.queue(0).add({echo.driver.lend({1, 2})});
  echo.driver.notify(0);
  CHECK(echo.device.seen.back() == Bytes{1, 2});
}

TEST_CASE("interrupts last until they are acknowledged") {
  Echo echo;
  echo.driver.start(0, 1, 8);
  echo.driver.queue(0).add({echo.driver.lend({7})});
  CHECK_FALSE(echo.host.lines[EchoDevice::kInterrupt]);
  echo.driver.notify(0);
  CHECK(echo.host.lines[EchoDevice::kInterrupt]);
  CHECK(echo.driver.get(Reg::InterruptStatus) == 1);
  echo.driver.set(Reg::InterruptACK, 2);
  CHECK(echo.host.lines[EchoDevice::kInterrupt]);
  echo.driver.set(Reg::InterruptACK, 1);
  CHECK_FALSE(echo.host.lines[EchoDevice::kInterrupt]);
  CHECK(echo.driver.get(Reg::InterruptStatus) == 0);
}

TEST_CASE("queues are placed where both sides can find them, or the device needs a reset") {
  const std::uint64_t d = 0x4000'0000, a = 0x4000'2000, u = 0x4000'3000;
  for (const std::uint64_t layout : {std::uint64_t{0}, kF_Packed}) {
    CAPTURE(layout);
    CHECK(status_with_queue(layout, 8, d, a, u) == 11);
    CHECK(status_with_queue(layout, 256, d, a, u) == 11);
    CHECK(status_with_queue(layout, 0, d, a, u) == 75);
    CHECK(status_with_queue(layout, 257, d, a, u) == 75);
    CHECK(status_with_queue(layout, 0x1'0008, d, a, u) == 75);
    CHECK(status_with_queue(layout, 8, d + 8, a, u) == 75);
    CHECK(status_with_queue(layout, 8, d, a + 1, u) == 75);
    CHECK(status_with_queue(layout, 8, d, a, u + 2) == 75);
    CHECK(status_with_queue(layout, 8, ~0ULL << 4, a, u) == 75);
    CHECK(status_with_queue(layout, 6, d, a, u) == (layout == 0 ? 75 : 11));
  }
  // What the device writes when the queue opens has to be memory.
  CHECK(status_with_queue(kF_EventIdx, 8, d, a, 0x1000) == 75);
  CHECK(status_with_queue(kF_Packed, 8, d, a, 0x1000) == 75);
}

TEST_CASE("a ready queue stays where it is") {
  Echo echo;
  echo.driver.start(0, 1, 8);
  const std::uint64_t elsewhere = echo.driver.ram.take(0x1000);
  echo.driver.set(Reg::QueueSel, 0);
  echo.driver.set(Reg::QueueNum, 2);
  echo.driver.set(Reg::QueueDescLow, elsewhere);
  echo.driver.queue(0).add({echo.driver.lend({7})});
  echo.driver.notify(0);
  CHECK(echo.device.seen == std::vector<Bytes>{{7}});
}

TEST_CASE("a queue that is no longer ready gives nothing") {
  Echo echo;
  echo.driver.start(0, 1, 8);
  echo.driver.queue(0).add({echo.driver.lend({7})});
  echo.driver.set(Reg::QueueSel, 0);
  echo.driver.set(Reg::QueueReady, 0);
  echo.driver.notify(0);
  CHECK(echo.driver.get(Reg::QueueReady) == 0);
  CHECK(echo.device.seen.empty());
}

TEST_CASE("a queue can be reset alone, where that was negotiated") {
  for (const std::uint64_t features : {std::uint64_t{0}, kF_RingReset}) {
    Echo echo;
    echo.driver.start(features, 2, 8);
    echo.driver.set(Reg::QueueSel, 0);
    echo.driver.set(Reg::QueueReset, 1);
    CHECK(echo.driver.get(Reg::QueueReset) == 0);  // done already
    CHECK(echo.driver.get(Reg::QueueReady) == (features == 0 ? 1 : 0));
    echo.driver.set(Reg::QueueSel, 1);
    CHECK(echo.driver.get(Reg::QueueReady) == 1);
    if (features == 0) continue;
    echo.driver.make_queue(0, 4);
    echo.driver.queue(0).add({echo.driver.lend({7})});
    echo.driver.notify(0);
    CHECK(echo.device.seen == std::vector<Bytes>{{7}});
  }
}

TEST_CASE("registers are 32 bits wide, the configuration space is read as anybody likes") {
  Echo echo;
  CHECK(echo.device.read(0, AccessWidth::Word) == 0);
  CHECK(echo.device.read(0, AccessWidth::Qword) == 0);
  CHECK(echo.device.read(2, AccessWidth::Dword) == 0);
  CHECK(echo.device.write(0x70, AccessWidth::Byte, 1).has_value());
  CHECK(echo.driver.get(Reg::Status) == 0);
  CHECK(echo.driver.config(1, AccessWidth::Byte) == 0x11);
  CHECK(echo.driver.config(1, AccessWidth::Word) == 0x1211);
  CHECK(echo.driver.config(0, AccessWidth::Qword) == 0x1716'1514'1312'1110);
}

TEST_CASE("every access at every offset gets an answer, in every state") {
  CHECK(rc::check("total", [] {
    Echo echo;
    echo.driver.ram.take(0x1000);
    for (int i = 0; i < 100; ++i) {
      const auto offset = *rc::gen::inRange<std::uint64_t>(0, 0x1f9);
      const auto width = *rc::gen::element(AccessWidth::Byte, AccessWidth::Word, AccessWidth::Dword,
                                           AccessWidth::Qword);
      const auto value = *rc::gen::oneOf(rc::gen::inRange<std::uint64_t>(0, 256),
                                         rc::gen::arbitrary<std::uint64_t>());
      if (*rc::gen::arbitrary<bool>()) {
        const auto read = echo.device.read(offset, width);
        RC_ASSERT(read.has_value());
        RC_ASSERT(offset >= 0x100 || *read == truncate(*read, width));
      } else {
        RC_ASSERT(echo.device.write(offset, width, value).has_value());
      }
    }
  }));
}
