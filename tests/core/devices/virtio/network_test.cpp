// The virtio network card: VIRTIO 1.2, 5.1.
#include <doctest/doctest.h>
#include <core/devices/virtio/network_device.hpp>
#include <deque>
#include <tests/core/devices/virtio/driver.hpp>

using namespace axvm;
using namespace axvm::test;
using namespace axvm::test::virtio;

namespace {

using Bytes = std::vector<std::uint8_t>;

struct Cable final : NetworkPort {
  void send(std::span<const std::byte> frame) override {
    sent.emplace_back();
    for (const std::byte byte : frame) sent.back().push_back(std::to_integer<std::uint8_t>(byte));
  }
  std::optional<std::size_t> next_size() override {
    if (arrived.empty()) return std::nullopt;
    return arrived.front().size();
  }
  std::size_t receive(std::span<std::byte> to) override {
    const Bytes frame = arrived.front();
    arrived.pop_front();
    const std::size_t size = std::min(frame.size(), to.size());
    std::memcpy(to.data(), frame.data(), size);
    return size;
  }
  std::vector<Bytes> sent;
  std::deque<Bytes> arrived;
};

struct Card {
  explicit Card(std::uint64_t features = 0) { driver.start(features, 2, 8); }
  FakeDeviceHost host;
  Cable cable;
  axvm::virtio::NetworkDevice device{"net", {Bus::Mmio, 0xa00'0000, 0x200},
                                     host,  InterruptLine(host, 51),
                                     cable, 0x5634'1200'5452};
  Driver driver{device, host};
};

constexpr std::uint32_t kReceive = 0, kTransmit = 1;

Bytes with_header(const Bytes& frame, std::uint8_t buffers = 0) {
  Bytes bytes(12 + frame.size());
  bytes[10] = buffers;
  std::copy(frame.begin(), frame.end(), bytes.begin() + 12);
  return bytes;
}

}  // namespace

TEST_CASE("a card says its address, first octet first, and that its link is up") {
  Card card;
  CHECK(card.driver.get(Reg::DeviceID) == 1);
  const std::uint8_t mac[] = {0x52, 0x54, 0x00, 0x12, 0x34, 0x56};
  for (unsigned i = 0; i < 6; ++i) CHECK(card.driver.config(i, AccessWidth::Byte) == mac[i]);
  CHECK(card.driver.config(6, AccessWidth::Word) == 1);
  CHECK((card.driver.offered() & 0xff'ffff) == (1U << 5 | 1U << 16));
}

TEST_CASE("frames leave without the header, however they are cut") {
  for (const std::uint64_t layout : {std::uint64_t{0}, kF_Packed}) {
    Card card(layout);
    Bytes frame(60, 0xab);
    frame[0] = 1;
    card.driver.queue(kTransmit).add({card.driver.lend(with_header(frame))});
    card.driver.queue(kTransmit).add({card.driver.lend(Bytes(12)), card.driver.lend(frame)});
    card.driver.queue(kTransmit).add({card.driver.lend(Bytes(5)), card.driver.lend(Bytes(7)),
                                      card.driver.lend({1}), card.driver.lend(Bytes(59, 0xab))});
    card.driver.notify(kTransmit);
    CHECK(card.cable.sent == std::vector<Bytes>(3, frame));
  }
}

TEST_CASE("what is no frame is not sent, nor is a header alone, and less is against the rules") {
  Card card;
  for (const std::size_t size : {0U, 13U, 1519U, 5000U}) {
    card.driver.queue(kTransmit).add({card.driver.lend(with_header(Bytes(size)))});
  }
  card.driver.notify(kTransmit);
  CHECK(card.cable.sent.empty());
  CHECK_FALSE(card.driver.needs_reset());
  for (const std::size_t size : {14U, 1518U}) {
    card.driver.queue(kTransmit).add({card.driver.lend(with_header(Bytes(size)))});
    card.driver.notify(kTransmit);
    REQUIRE_FALSE(card.cable.sent.empty());
    CHECK(card.cable.sent.back().size() == size);
  }
  card.driver.queue(kTransmit).add({card.driver.lend(Bytes(11))});
  card.driver.notify(kTransmit);
  CHECK(card.driver.needs_reset());
}

TEST_CASE("frames arrive with a header of one buffer, in order") {
  for (const std::uint64_t layout : {std::uint64_t{0}, kF_Packed}) {
    Card card(layout);
    const Segment a = card.driver.lend_room(1530);
    const Segment b = card.driver.lend_room(1530);
    card.driver.queue(kReceive).add({a});
    card.driver.queue(kReceive).add({b});
    card.driver.notify(kReceive);
    CHECK_FALSE(card.driver.queue(kReceive).take_used().has_value());
    card.cable.arrived = {Bytes(60, 1), Bytes(1518, 2), Bytes(60, 3)};
    card.device.poll();
    CHECK(card.host.lines[51]);
    CHECK(card.driver.queue(kReceive).take_used()->written == 72);
    CHECK(card.driver.queue(kReceive).take_used()->written == 1530);
    Bytes seen = card.driver.bytes_of(a);
    seen.resize(72);
    CHECK(seen == with_header(Bytes(60, 1), 1));
    CHECK(card.driver.bytes_of(b) == with_header(Bytes(1518, 2), 1));
    CHECK(card.cable.arrived.size() == 1);  // until there is a buffer
  }
}

TEST_CASE("a frame that does not fit is lost, and the next one is not") {
  Card card;
  card.cable.arrived = {Bytes(60, 1), Bytes(2000, 2), Bytes(20, 3)};
  for (int i = 0; i < 3; ++i) card.driver.queue(kReceive).add({card.driver.lend_room(40)});
  card.driver.notify(kReceive);
  CHECK(card.driver.queue(kReceive).take_used()->written == 0);
  CHECK(card.driver.queue(kReceive).take_used()->written == 0);
  CHECK(card.driver.queue(kReceive).take_used()->written == 32);
}
