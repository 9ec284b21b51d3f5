// The clock of the Goldfish platform, as QEMU has it.
#include <doctest/doctest.h>
#include <core/devices/goldfish_rtc.hpp>
#include <tests/core/devices/fake_device_host.hpp>

using namespace axvm;

namespace {

constexpr std::uint64_t kTimeLow = 0x0, kTimeHigh = 0x4, kAlarmLow = 0x8, kAlarmHigh = 0xc,
                        kEnabled = 0x10, kClearAlarm = 0x14, kStatus = 0x18, kClear = 0x1c;
constexpr std::uint64_t kSecond = 1'000'000'000;

struct Clock {
  axvm::test::FakeDeviceHost host;
  GoldfishRtc rtc{"rtc", {Bus::Mmio, 0x10'1000, 0x1000}, host, InterruptLine(host, 11), 1000};
  std::uint64_t read(std::uint64_t offset) { return *rtc.read(offset, AccessWidth::Dword); }
  void write(std::uint64_t offset, std::uint64_t value) {
    REQUIRE(rtc.write(offset, AccessWidth::Dword, value).has_value());
  }
  std::uint64_t time() {
    const std::uint64_t low = read(kTimeLow);
    return read(kTimeHigh) << 32 | low;
  }
  void set_alarm(std::uint64_t time) {
    write(kAlarmHigh, time >> 32);
    write(kAlarmLow, time & 0xffff'ffff);
  }
};

}  // namespace

TEST_CASE("the Goldfish clock counts nanoseconds of guest time from its epoch") {
  Clock clock;
  CHECK(clock.time() == 1000 * kSecond);
  clock.host.now = 7;
  CHECK(clock.time() == 1000 * kSecond + 7);
}

TEST_CASE("the clock's high half is that of the low half that was read last") {
  Clock clock;
  const std::uint64_t time = clock.time();
  const std::uint64_t low = clock.read(kTimeLow);
  clock.host.now = 1ULL << 33;
  CHECK((clock.read(kTimeHigh) << 32 | low) == time);
  CHECK(clock.time() == time + (1ULL << 33));
}

TEST_CASE("the Goldfish clock can be set") {
  Clock clock;
  clock.host.now = 5;
  clock.write(kTimeHigh, 0x12);
  clock.write(kTimeLow, 0x3456'789a);
  CHECK(clock.time() == 0x12'3456'789a);
  clock.host.now = 6;
  CHECK(clock.time() == 0x12'3456'789b);
}

TEST_CASE("an alarm interrupts once it has come, if that is enabled") {
  Clock clock;
  clock.set_alarm(1001 * kSecond);
  CHECK(clock.read(kStatus) == 1);
  CHECK_FALSE(clock.rtc.deadline().has_value());  // nobody would notice
  clock.write(kEnabled, 1);
  CHECK(clock.rtc.deadline() == kSecond);
  clock.host.now = kSecond - 1;
  clock.rtc.poll();
  CHECK_FALSE(clock.host.lines[11]);
  clock.host.now = kSecond;
  clock.rtc.poll();
  CHECK(clock.host.lines[11]);
  CHECK(clock.read(kStatus) == 0);
  CHECK_FALSE(clock.rtc.deadline().has_value());
  clock.write(kEnabled, 0);
  CHECK_FALSE(clock.host.lines[11]);
  clock.write(kEnabled, 1);
  CHECK(clock.host.lines[11]);
  clock.write(kClear, 1);
  CHECK_FALSE(clock.host.lines[11]);
}

TEST_CASE("an alarm in the past interrupts at once, one that is cleared never") {
  Clock clock;
  clock.write(kEnabled, 1);
  clock.set_alarm(5);
  CHECK(clock.host.lines[11]);
  clock.write(kClear, 1);
  clock.set_alarm(1001 * kSecond);
  clock.write(kClearAlarm, 1);
  CHECK_FALSE(clock.rtc.deadline().has_value());
  clock.host.now = 2 * kSecond;
  clock.rtc.poll();
  CHECK_FALSE(clock.host.lines[11]);
}

TEST_CASE("setting the clock moves the alarm, also beyond the end of time") {
  Clock clock;
  clock.write(kEnabled, 1);
  clock.set_alarm(~0ULL);
  CHECK(clock.rtc.deadline() == ~0ULL - 1000 * kSecond);
  clock.host.now = 10;
  clock.write(kTimeHigh, 0xffff'ffff);
  clock.write(kTimeLow, 0xffff'fff0);
  CHECK(clock.rtc.deadline() == 25);
  clock.host.now = 40;  // the clock has wrapped
  clock.rtc.poll();
  CHECK(clock.host.lines[11]);
  CHECK_FALSE(clock.rtc.deadline().has_value());
  clock.write(kTimeHigh, 0);
  clock.set_alarm(~0ULL);
  CHECK_FALSE(clock.rtc.deadline().has_value());  // never, as far as guest time goes
}

TEST_CASE("the Goldfish clock's registers, in part and where none is") {
  Clock clock;
  clock.write(kAlarmHigh, 0x1234'5678);
  CHECK(clock.rtc.read(kAlarmHigh + 1, AccessWidth::Byte) == 0x56);
  CHECK(clock.rtc.read(kAlarmHigh + 2, AccessWidth::Word) == 0x1234);
  CHECK(clock.rtc.write(kAlarmHigh + 1, AccessWidth::Byte, 0).has_value());
  CHECK(clock.read(kAlarmHigh) == 0x1234'5678);
  CHECK(clock.read(0x20) == 0);
  CHECK(clock.read(0xffc) == 0);
}

TEST_CASE("a reset gives the Goldfish clock its epoch back") {
  Clock clock;
  clock.write(kTimeLow, 5);
  clock.write(kEnabled, 1);
  clock.set_alarm(0);
  CHECK(clock.host.lines[11]);
  clock.rtc.reset();
  CHECK_FALSE(clock.host.lines[11]);
  CHECK(clock.time() == 1000 * kSecond);
  CHECK(clock.read(kEnabled) == 0);
  CHECK(GoldfishRtc::kDefaultEpoch == (56U * 365 + 14) * 24 * 3600);  // 2026
}
