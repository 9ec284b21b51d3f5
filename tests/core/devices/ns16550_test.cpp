#include <doctest/doctest.h>
#include <rapidcheck.h>
#include <core/devices/ns16550.hpp>
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
  Ns16550 uart{"uart", {Bus::Mmio, 0x1000'0000, 0x100}, line, InterruptLine(host, 10)};
  std::uint64_t read(std::uint64_t offset) { return *uart.read(offset, AccessWidth::Byte); }
  void write(std::uint64_t offset, std::uint64_t value) {
    REQUIRE(uart.write(offset, AccessWidth::Byte, value).has_value());
  }
  bool interrupts() { return host.lines[10]; }
};

constexpr std::uint64_t kData = 0, kIer = 1, kIir = 2, kFcr = 2, kLcr = 3, kMcr = 4, kLsr = 5,
                        kMsr = 6, kScr = 7;
constexpr std::uint64_t kNone = 1, kThre = 2, kReceived = 4, kStatus = 6, kTimeout = 0xc;

}  // namespace

TEST_CASE("bytes written to THR leave at once, and the transmitter is empty") {
  Port port;
  CHECK(port.read(kLsr) == 0x60);
  port.write(kData, 'h');
  REQUIRE(port.uart.write(kData, AccessWidth::Dword, 0xffff'ff00 | 'i').has_value());
  CHECK(port.line.out == "hi");
  CHECK(port.read(kLsr) == 0x60);
}

TEST_CASE("after reset the port is as the data sheet says") {
  Port port;
  port.write(kIer, 0xf);
  port.write(kLcr, 0x83);
  port.write(kData, 1);
  port.write(kScr, 0x5a);
  CHECK(port.read(kData) == 1);
  CHECK(port.read(kScr) == 0x5a);
  port.uart.reset();
  CHECK(port.read(kIer) == 0);
  CHECK(port.read(kIir) == kNone);
  CHECK(port.read(kLcr) == 0);
  CHECK(port.read(kMcr) == 8);
  CHECK(port.read(kMsr) == 0xb0);
  CHECK(port.read(kScr) == 0);
  CHECK(port.read(kData) == 0);
  CHECK_FALSE(port.interrupts());
}

TEST_CASE("DLAB puts the divisor in place of data and interrupt enables") {
  Port port;
  port.write(kLcr, 0x80);
  CHECK(port.read(kData) == 12);
  port.write(kData, 0x34);
  port.write(kIer, 0x12);
  CHECK(port.read(kData) == 0x34);
  CHECK(port.read(kIer) == 0x12);
  port.write(kLcr, 3);
  CHECK(port.read(kIer) == 0);
  CHECK(port.line.out.empty());
}

TEST_CASE("received bytes queue, sixteen deep with FIFOs and one without") {
  Port port;
  port.line.in = "0123456789abcdefgh";
  CHECK(port.read(kLsr) == 0x61);
  CHECK(port.line.in.size() == 17);
  CHECK(port.read(kData) == '0');
  port.write(kFcr, 1);  // which loses what is there
  CHECK(port.line.in.size() == 0);
  std::string seen;
  while ((port.read(kLsr) & 1) != 0) seen.push_back(static_cast<char>(port.read(kData)));
  CHECK(seen == "23456789abcdefgh");
  CHECK(port.read(kData) == 0);
}

TEST_CASE("data interrupts at the trigger level, below it as a timeout") {
  Port port;
  port.write(kFcr, 0x81);  // trigger at 8
  port.write(kIer, 1);
  CHECK_FALSE(port.interrupts());
  port.line.in = "1234567";
  port.uart.poll();
  CHECK(port.interrupts());
  CHECK(port.read(kIir) == (kTimeout | 0xc0));
  port.line.in = "8";
  CHECK(port.read(kIir) == (kReceived | 0xc0));
  for (unsigned n = 0; n < 8; ++n) CHECK(port.read(kData) == '1' + n);
  CHECK(port.read(kIir) == (kNone | 0xc0));
  CHECK_FALSE(port.interrupts());
  port.line.in = "x";
  port.write(kIer, 0);
  CHECK_FALSE(port.interrupts());
}

TEST_CASE("an empty transmitter interrupts once, and again when its interrupt is switched on") {
  Port port;
  port.write(kIer, 2);
  CHECK(port.interrupts());
  CHECK(port.read(kIir) == kThre);
  CHECK_FALSE(port.interrupts());
  CHECK(port.read(kIir) == kNone);
  port.write(kData, 'a');
  CHECK(port.interrupts());
  CHECK(port.read(kIir) == kThre);
  port.write(kIer, 2);  // no change
  CHECK_FALSE(port.interrupts());
  port.write(kIer, 0);
  port.write(kIer, 2);
  CHECK(port.interrupts());
}

TEST_CASE("received data comes before the transmitter, an overrun before both") {
  Port port;
  port.write(kMcr, 0x10);  // loop
  port.write(kIer, 7);
  port.write(kData, 'a');
  CHECK(port.read(kIir) == kReceived);
  port.write(kData, 'b');
  CHECK(port.read(kIir) == kStatus);
  CHECK(port.read(kLsr) == 0x63);
  CHECK(port.read(kLsr) == 0x61);  // reading clears the overrun
  CHECK(port.read(kIir) == kReceived);
  CHECK(port.read(kData) == 'b');
  CHECK(port.read(kIir) == kThre);
  CHECK(port.line.out.empty());
}

TEST_CASE("a full FIFO loses what comes behind") {
  Port port;
  port.write(kFcr, 1);
  port.write(kMcr, 0x10);
  for (unsigned n = 0; n < 17; ++n) port.write(kData, n);
  CHECK((port.read(kLsr) & 2) != 0);
  for (unsigned n = 0; n < 16; ++n) CHECK(port.read(kData) == n);
  CHECK((port.read(kLsr) & 1) == 0);
}

TEST_CASE("in a loop the modem's inputs are its outputs, and no byte comes from outside") {
  Port port;
  port.line.in = "x";
  for (unsigned outputs = 0; outputs < 16; ++outputs) {
    port.write(kMcr, 0x10 | outputs);
    const unsigned dtr = outputs & 1, rts = outputs >> 1 & 1, out = outputs >> 2;
    CHECK(port.read(kMsr) == (out << 6 | dtr << 5 | rts << 4));
  }
  CHECK(port.line.in == "x");
}

TEST_CASE("FCR resets each FIFO") {
  Port port;
  port.write(kFcr, 1);
  port.write(kIer, 2);
  CHECK(port.read(kIir) == (kThre | 0xc0));
  port.line.in = "abc";
  port.uart.poll();
  port.write(kFcr, 3);
  CHECK(port.read(kLsr) == 0x60);
  CHECK_FALSE(port.interrupts());
  port.write(kFcr, 5);
  CHECK(port.interrupts());
}

TEST_CASE("every access of the 16550 has an answer") {
  rc::check([](const std::vector<std::tuple<std::uint8_t, std::uint8_t, bool>>& accesses) {
    Port port;
    port.line.in = "some input that arrives while the port is being used";
    for (const auto& [offset, value, is_write] : accesses) {
      if (is_write) {
        RC_ASSERT(port.uart.write(offset, AccessWidth::Byte, value).has_value());
      } else {
        RC_ASSERT(port.uart.read(offset, AccessWidth::Qword).value_or(256) < 256);
      }
      RC_ASSERT(port.interrupts() == port.uart.interrupt_asserted());
    }
  });
}
