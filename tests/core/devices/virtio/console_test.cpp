// The virtio console: VIRTIO 1.2, 5.3.
#include <doctest/doctest.h>
#include <core/devices/virtio/console_device.hpp>
#include <string>
#include <tests/core/devices/virtio/driver.hpp>

using namespace axvm;
using namespace axvm::test;
using namespace axvm::test::virtio;

namespace {

using Bytes = std::vector<std::uint8_t>;

struct Line final : Console {
  void write(std::uint8_t byte) override { out.push_back(static_cast<char>(byte)); }
  std::optional<std::uint8_t> read() override {
    if (in.empty()) return std::nullopt;
    const auto byte = static_cast<std::uint8_t>(in.front());
    in.erase(0, 1);
    return byte;
  }
  std::string in, out;
};

struct Terminal {
  explicit Terminal(std::uint64_t features = 0) { driver.start(features, 2, 8); }
  FakeDeviceHost host;
  Line line;
  axvm::virtio::ConsoleDevice device{
      "console", {Bus::Mmio, 0xa00'0000, 0x200}, host, InterruptLine(host, 49), line};
  Driver driver{device, host};
};

constexpr std::uint32_t kReceive = 0, kTransmit = 1;

Bytes bytes_of(const std::string& text) { return {text.begin(), text.end()}; }

}  // namespace

TEST_CASE("what the guest transmits is written, however long") {
  for (const std::uint64_t layout : {std::uint64_t{0}, kF_Packed}) {
    Terminal t(layout);
    CHECK(t.driver.get(Reg::DeviceID) == 3);
    const std::string text(1000, 'x');
    t.driver.queue(kTransmit).add(
        {t.driver.lend(bytes_of("hello ")), t.driver.lend(bytes_of(text))});
    t.driver.notify(kTransmit);
    CHECK(t.line.out == "hello " + text);
    CHECK(t.driver.queue(kTransmit).take_used()->written == 0);
  }
}

TEST_CASE("of one chain the console gets no more than 64 KiB") {
  Terminal t;
  Segments chain(8, t.driver.lend(Bytes(20'000, 'y')));
  t.driver.queue(kTransmit).add(chain);
  t.driver.notify(kTransmit);
  CHECK(t.line.out.size() == 64 << 10);
  CHECK_FALSE(t.driver.needs_reset());
}

TEST_CASE("input waits for a buffer, and a buffer for input") {
  Terminal t;
  t.line.in = "abcdef";
  t.device.poll();
  CHECK(t.line.in == "abcdef");
  const Segment small = t.driver.lend_room(4);
  const Segment large = t.driver.lend_room(600);
  t.driver.queue(kReceive).add({small});
  t.driver.queue(kReceive).add({large});
  t.driver.notify(kReceive);
  CHECK(t.driver.bytes_of(small) == bytes_of("abcd"));
  CHECK(t.driver.queue(kReceive).take_used()->written == 4);
  CHECK(t.driver.queue(kReceive).take_used()->written == 2);
  const Segment next = t.driver.lend_room(600);
  t.driver.queue(kReceive).add({next});
  t.driver.notify(kReceive);
  CHECK_FALSE(t.driver.queue(kReceive).take_used().has_value());
  t.line.in = std::string(500, 'z');
  t.device.poll();
  CHECK(t.driver.queue(kReceive).take_used()->written == 500);
  CHECK(t.host.lines[49]);
}

TEST_CASE("a byte that was looked at is in the description") {
  struct Fields final : StateVisitor {
    void field(std::string_view name, std::uint64_t& value) override {
      values[std::string(name)] = value;
    }
    std::map<std::string, std::uint64_t> values;
  } fields;
  Terminal t;
  t.line.in = "ab";
  t.driver.queue(kReceive).add({t.driver.lend_room(0)});
  t.driver.notify(kReceive);  // there is no room in it
  CHECK(t.line.in == "b");
  t.device.describe(fields);
  CHECK(fields.values["has_next"] == 1);
  CHECK(fields.values["next"] == 'a');
  const Segment room = t.driver.lend_room(2);
  t.driver.queue(kReceive).add({room});
  t.driver.notify(kReceive);
  CHECK(t.driver.bytes_of(room) == bytes_of("ab"));
}

TEST_CASE("the emergency write needs no driver") {
  Terminal t;
  t.driver.set(Reg::Status, 0);
  REQUIRE(t.device.write(0x108, AccessWidth::Dword, 'E').has_value());
  REQUIRE(t.device.write(0x100, AccessWidth::Dword, 'x').has_value());
  CHECK(t.line.out == "E");
}
