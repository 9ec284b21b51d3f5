#include <doctest/doctest.h>
#include <rapidcheck.h>
#include <core/devices/pl011.hpp>
#include <string>
#include <tests/core/devices/fake_device_host.hpp>

using namespace axvm;

namespace {

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

struct Port {
  Line line;
  axvm::test::FakeDeviceHost host;
  Pl011 uart{"uart", {Bus::Mmio, 0x900'0000, 0x1000}, line, InterruptLine(host, 33)};
  std::uint64_t read(std::uint64_t offset) { return *uart.read(offset, AccessWidth::Dword); }
  void write(std::uint64_t offset, std::uint64_t value) {
    REQUIRE(uart.write(offset, AccessWidth::Dword, value).has_value());
  }
};

constexpr std::uint64_t kDr = 0x0, kRsr = 0x4, kFr = 0x18, kLcrH = 0x2c, kCr = 0x30, kIfls = 0x34,
                        kImsc = 0x38, kRis = 0x3c, kMis = 0x40, kIcr = 0x44;
constexpr std::uint64_t kRx = 1 << 4, kTx = 1 << 5, kTimeout = 1 << 6, kOverrun = 1 << 10;

}  // namespace

TEST_CASE("bytes written to DR leave at once, whatever the width") {
  Port port;
  port.write(kDr, 'h');
  REQUIRE(port.uart.write(kDr, AccessWidth::Byte, 'i').has_value());
  REQUIRE(port.uart.write(kDr, AccessWidth::Qword, 0xffff'ff00 | '!').has_value());
  CHECK(port.line.out == "hi!");
  CHECK((port.read(kFr) & 0xff) == 0x90);  // transmit and receive FIFOs empty
  CHECK((port.read(kRis) & kTx) != 0);
  port.write(kIcr, kTx);
  CHECK(port.read(kRis) == 0);
}

TEST_CASE("a port that is switched off sends nothing") {
  Port port;
  port.write(kCr, 0);
  port.write(kDr, 'x');
  CHECK(port.line.out.empty());
  port.line.in = "a";
  CHECK((port.read(kFr) & 0x10) != 0);
  CHECK(port.line.in == "a");
}

TEST_CASE("received bytes queue, sixteen deep with FIFOs and one without") {
  Port port;
  port.line.in = "0123456789abcdefgh";
  CHECK((port.read(kFr) & 0x40) != 0);
  CHECK(port.line.in.size() == 17);
  CHECK(port.read(kDr) == '0');
  port.write(kLcrH, 0x70);  // FEN, 8 bits
  std::string seen;
  while ((port.read(kFr) & 0x10) == 0) seen.push_back(static_cast<char>(port.read(kDr)));
  CHECK(seen == "123456789abcdefgh");
  CHECK(port.read(kDr) == 0);
}

TEST_CASE("receive interrupts follow the trigger level, the timeout and the mask") {
  Port port;
  port.write(kLcrH, 0x10);
  port.write(kIfls, 0 << 3);  // trigger at 1/8: two bytes
  port.write(kImsc, kRx | kTimeout);
  port.line.in = "a";
  CHECK(port.read(kMis) == kTimeout);
  CHECK(port.uart.interrupt_asserted());
  port.line.in = "b";
  CHECK(port.read(kMis) == (kRx | kTimeout));
  port.write(kImsc, 0);
  CHECK(port.read(kMis) == 0);
  CHECK_FALSE(port.uart.interrupt_asserted());
  CHECK(port.read(kDr) == 'a');
  CHECK(port.read(kRis) == kTimeout);
  CHECK(port.read(kDr) == 'b');
  CHECK(port.read(kRis) == 0);
}

TEST_CASE("the interrupt line follows the masked status") {
  Port port;
  port.line.in = "a";
  port.uart.poll();
  CHECK_FALSE(port.host.lines[33]);  // received, but masked
  port.write(kImsc, kRx | kTimeout);
  CHECK(port.host.lines[33]);
  CHECK(port.read(kDr) == 'a');
  CHECK_FALSE(port.host.lines[33]);
  port.line.in = "b";
  port.uart.poll();
  CHECK(port.host.lines[33]);
  port.uart.reset();
  CHECK_FALSE(port.host.lines[33]);
}

TEST_CASE("loopback receives what is sent, and overruns when nobody reads") {
  Port port;
  port.write(kCr, 0x381);
  port.write(kDr, 'p');
  port.write(kDr, 'q');
  CHECK(port.line.out.empty());
  CHECK((port.read(kRis) & kOverrun) != 0);
  CHECK(port.read(kRsr) == 8);
  port.write(kRsr, 0);
  CHECK(port.read(kRsr) == 0);
  CHECK(port.read(kDr) == 'p');
}

TEST_CASE("identification and plain registers read back") {
  Port port;
  const std::uint8_t id[] = {0x11, 0x10, 0x34, 0x00, 0x0d, 0xf0, 0x05, 0xb1};
  for (unsigned i = 0; i < 8; ++i) CHECK(port.read(0xfe0 + 4 * i) == id[i]);
  port.write(0x24, 0x1'ffff);
  CHECK(port.read(0x24) == 0xffff);
  CHECK(port.uart.read(0x25, AccessWidth::Byte) == 0xff);
  port.write(0x28, 0xff);
  CHECK(port.read(0x28) == 0x3f);
  CHECK(port.read(0x100) == 0);
}

TEST_CASE("a damaged snapshot leaves no more bytes waiting than there are places") {
  struct Damage final : StateVisitor {
    void field(std::string_view name, std::uint64_t& value) override {
      if (name == "fifo_size" || name == "fifo_head") value = 1000;
    }
  } damage;
  Port port;  // its FIFOs are off
  port.uart.describe(damage);
  CHECK((port.read(kFr) & 0x40) != 0);  // full
  port.read(kDr);
  CHECK((port.read(kFr) & 0x10) != 0);  // empty
}

TEST_CASE("every access at every offset gets an answer") {
  CHECK(rc::check("total", [] {
    Port port;
    port.line.in = std::string(100, 'z');
    for (int i = 0; i < 200; ++i) {
      const auto offset = *rc::gen::inRange<std::uint64_t>(0, 0x1010);
      const auto width = *rc::gen::element(AccessWidth::Byte, AccessWidth::Word, AccessWidth::Dword,
                                           AccessWidth::Qword);
      if (*rc::gen::arbitrary<bool>()) {
        const auto value = port.uart.read(offset, width);
        RC_ASSERT(value.has_value());
        RC_ASSERT(*value == truncate(*value, width));
      } else {
        RC_ASSERT(port.uart.write(offset, width, *rc::gen::arbitrary<std::uint64_t>()).has_value());
      }
    }
  }));
}
