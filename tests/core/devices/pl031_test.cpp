// The real-time clock: DDI 0224.
#include <doctest/doctest.h>
#include <core/devices/pl031.hpp>
#include <tests/core/devices/fake_device_host.hpp>

using namespace axvm;

namespace {

constexpr std::uint64_t kDr = 0x0, kMr = 0x4, kLr = 0x8, kCr = 0xc, kImsc = 0x10, kRis = 0x14,
                        kMis = 0x18, kIcr = 0x1c;
constexpr std::uint64_t kSecond = 1'000'000'000;

struct Clock {
  axvm::test::FakeDeviceHost host;
  Pl031 rtc{"rtc", {Bus::Mmio, 0x901'0000, 0x1000}, host, InterruptLine(host, 34), 1000};
  std::uint64_t read(std::uint64_t offset) { return *rtc.read(offset, AccessWidth::Dword); }
  void write(std::uint64_t offset, std::uint64_t value) {
    REQUIRE(rtc.write(offset, AccessWidth::Dword, value).has_value());
  }
};

}  // namespace

TEST_CASE("the clock counts seconds of guest time from its epoch") {
  Clock clock;
  CHECK(clock.read(kDr) == 1000);
  clock.host.now = kSecond - 1;
  CHECK(clock.read(kDr) == 1000);
  clock.host.now = kSecond;
  CHECK(clock.read(kDr) == 1001);
  CHECK(clock.read(kCr) == 1);
  clock.write(kCr, 0);
  CHECK(clock.read(kCr) == 1);
}

TEST_CASE("the default epoch is the first second of 2026") {
  // 56 years, of which 14 had a leap day.
  static_assert(Pl031::kDefaultEpoch == (56ULL * 365 + 14) * 24 * 3600);
}

TEST_CASE("the clock can be set, and wraps") {
  Clock clock;
  clock.host.now = 5 * kSecond;
  clock.write(kLr, 0xffff'ffff);
  CHECK(clock.read(kDr) == 0xffff'ffff);
  CHECK(clock.read(kLr) == 0xffff'ffff);
  clock.host.now = 7 * kSecond;
  CHECK(clock.read(kDr) == 1);
}

TEST_CASE("a match raises the interrupt, once, if it is not masked") {
  Clock clock;
  clock.write(kMr, 1003);
  CHECK_FALSE(clock.rtc.deadline().has_value());  // nobody would notice
  clock.write(kImsc, 1);
  CHECK(clock.rtc.deadline() == 3 * kSecond);
  clock.host.now = 3 * kSecond - 1;
  clock.rtc.poll();
  CHECK_FALSE(clock.host.lines[34]);
  clock.host.now = 3 * kSecond;
  clock.rtc.poll();
  CHECK(clock.host.lines[34]);
  CHECK_FALSE(clock.rtc.deadline().has_value());
  CHECK(clock.read(kRis) == 1);
  CHECK(clock.read(kMis) == 1);
  clock.write(kImsc, 0);
  CHECK_FALSE(clock.host.lines[34]);
  CHECK(clock.read(kRis) == 1);
  CHECK(clock.read(kMis) == 0);
  clock.write(kImsc, 1);
  CHECK(clock.host.lines[34]);
  clock.write(kIcr, 1);
  CHECK_FALSE(clock.host.lines[34]);
  CHECK(clock.read(kRis) == 0);
  clock.host.now = 4 * kSecond;
  CHECK(clock.read(kRis) == 0);
}

TEST_CASE("a match that is there already is raised at once, one that has passed only next time") {
  Clock clock;
  clock.write(kMr, 1000);
  CHECK(clock.read(kRis) == 1);
  clock.write(kIcr, 1);
  clock.write(kMr, 999);
  CHECK(clock.read(kRis) == 0);
  clock.write(kImsc, 1);
  CHECK(clock.rtc.deadline() == 0xffff'ffffULL * kSecond);
}

TEST_CASE("setting the clock moves the match") {
  Clock clock;
  clock.write(kMr, 5000);
  clock.write(kImsc, 1);
  clock.write(kLr, 4990);
  CHECK(clock.rtc.deadline() == 10 * kSecond);
  clock.write(kLr, 5000);
  CHECK(clock.host.lines[34]);
}

TEST_CASE("identification, widths and what is no register") {
  Clock clock;
  const std::uint8_t id[] = {0x31, 0x10, 0x14, 0x00, 0x0d, 0xf0, 0x05, 0xb1};
  for (unsigned i = 0; i < 8; ++i) CHECK(clock.read(0xfe0 + 4 * i) == id[i]);
  CHECK(clock.read(0x100) == 0);
  clock.write(kMr, 0x1234'5678);
  CHECK(clock.rtc.read(kMr + 1, AccessWidth::Byte) == 0x56);
  CHECK(clock.rtc.read(kMr + 2, AccessWidth::Word) == 0x1234);
  CHECK(clock.rtc.write(kMr + 1, AccessWidth::Byte, 0).has_value());
  CHECK(clock.read(kMr) == 0x1234'5678);
}

TEST_CASE("a reset forgets what was set") {
  Clock clock;
  clock.write(kLr, 5000);
  clock.write(kMr, 5000);
  clock.write(kImsc, 1);
  CHECK(clock.host.lines[34]);
  clock.rtc.reset();
  CHECK_FALSE(clock.host.lines[34]);
  CHECK(clock.read(kDr) == 1000);
  CHECK(clock.read(kMr) == 0);
  CHECK_FALSE(clock.rtc.deadline().has_value());
}

TEST_CASE("a damaged snapshot names no time beyond the clock's end") {
  struct Damage final : StateVisitor {
    void field(std::string_view name, std::uint64_t& value) override {
      if (name == "due") value = ~0ULL;
      if (name == "is_armed" || name == "is_unmasked") value = 1;
    }
  } damage;
  Clock clock;
  clock.rtc.describe(damage);
  CHECK_FALSE(clock.rtc.deadline().has_value());
}
