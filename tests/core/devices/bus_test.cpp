#include <doctest/doctest.h>
#include <core/devices/bus.hpp>
#include <tests/core/fake_hal.hpp>

using namespace axvm;
using namespace axvm::test;

namespace {

struct Scratch final : Device {
  Scratch(std::uint64_t base, std::uint64_t size, Bus bus = Bus::Mmio)
      : Device("scratch", BusRange{bus, base, size}) {}
  Result<std::uint64_t> read(std::uint64_t offset, AccessWidth) override {
    last_offset = offset;
    return ~0ULL;
  }
  Result<> write(std::uint64_t offset, AccessWidth, std::uint64_t value) override {
    last_offset = offset;
    last_value = value;
    return {};
  }
  std::uint64_t last_offset = 0;
  std::uint64_t last_value = 0;
};

DeviceBus make_bus(FakeHal& hal, Bus bus = Bus::Mmio, std::size_t capacity = 4) {
  auto made = DeviceBus::try_make(Allocator::of(hal), bus, capacity);
  REQUIRE(made.has_value());
  return std::move(*made);
}
std::optional<ErrorKind> attach(DeviceBus& bus, Device& device) {
  const auto done = bus.attach(device);
  return done ? std::optional<ErrorKind>() : done.error().kind;
}

}  // namespace

TEST_CASE("each address finds its device, gaps find none") {
  FakeHal hal;
  DeviceBus bus = make_bus(hal);
  Scratch high(0x3000, 0x1000), low(0x1000, 0x1000), last(0 - 0x1000ULL, 0x1000);
  for (Device* device :
       {static_cast<Device*>(&high), static_cast<Device*>(&low), static_cast<Device*>(&last)}) {
    CHECK_FALSE(attach(bus, *device).has_value());
  }
  CHECK(bus.find(0x0fff) == nullptr);
  CHECK(bus.find(0x1000) == &low);
  CHECK(bus.find(0x1fff) == &low);
  CHECK(bus.find(0x2000) == nullptr);
  CHECK(bus.find(0x3abc) == &high);
  CHECK(bus.find(~0ULL) == &last);
  CHECK(bus.read(0x2000, AccessWidth::Byte).error().kind == ErrorKind::NotFound);
  CHECK(bus.write(0x2000, AccessWidth::Byte, 0).error().kind == ErrorKind::NotFound);
}

TEST_CASE("registration refuses empty, wrapping, overlapping and foreign ranges") {
  FakeHal hal;
  DeviceBus bus = make_bus(hal);
  Scratch device(0x1000, 0x1000), empty(0x5000, 0), wraps(~0ULL, 2), inside(0x1800, 8),
      around(0x800, 0x2000), tail(0x1fff, 1), before(0xfff, 1), foreign(0x9000, 1, Bus::SysReg);
  CHECK_FALSE(attach(bus, device).has_value());
  CHECK(attach(bus, device) == ErrorKind::AlreadyExists);
  CHECK(attach(bus, empty) == ErrorKind::InvalidInput);
  CHECK(attach(bus, wraps) == ErrorKind::InvalidInput);
  CHECK(attach(bus, inside) == ErrorKind::AlreadyExists);
  CHECK(attach(bus, around) == ErrorKind::AlreadyExists);
  CHECK(attach(bus, tail) == ErrorKind::AlreadyExists);
  CHECK(attach(bus, foreign) == ErrorKind::InvalidInput);
  CHECK_FALSE(attach(bus, before).has_value());
  CHECK(bus.size() == 2);
  DeviceBus full = make_bus(hal, Bus::Mmio, 0);
  CHECK(attach(full, device) == ErrorKind::NoMemory);
}

TEST_CASE("accesses stay inside the device and have a width") {
  FakeHal hal;
  DeviceBus bus = make_bus(hal);
  Scratch device(0x1000, 0x10);
  REQUIRE_FALSE(attach(bus, device).has_value());
  CHECK(bus.read(0x100c, AccessWidth::Dword) == 0xffff'ffff);
  CHECK(device.last_offset == 0xc);
  CHECK(bus.read(0x100d, AccessWidth::Dword).error().kind == ErrorKind::InvalidInput);
  CHECK(bus.read(0x1008, AccessWidth::Qword) == ~0ULL);
  CHECK(bus.read(0x1000, static_cast<AccessWidth>(3)).error().kind == ErrorKind::InvalidInput);
  REQUIRE(bus.write(0x1001, AccessWidth::Byte, 0x1234).has_value());
  CHECK(device.last_value == 0x34);
  CHECK(access_width(0) == std::nullopt);
  CHECK(access_width(8) == AccessWidth::Qword);
}

TEST_CASE("system registers are one address each") {
  FakeHal hal;
  DeviceBus bus = make_bus(hal, Bus::SysReg);
  Scratch device(0xc000, 1, Bus::SysReg), next(0xc001, 1, Bus::SysReg);
  CHECK_FALSE(attach(bus, device).has_value());
  CHECK_FALSE(attach(bus, next).has_value());
  CHECK(bus.read(0xc000, AccessWidth::Qword) == ~0ULL);
  CHECK(bus.find(0xc002) == nullptr);
}
