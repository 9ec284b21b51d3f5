// Local APICs among each other, and as a device: APM Vol. 2 16.3.2, 16.5, 16.6.

#include <doctest/doctest.h>

#include <core/arch/x86_64/local_apic/local_apic_device.hpp>
#include <fuzz/state.hpp>
#include <tests/core/heap.hpp>
#include <vector>

namespace axvm::x86_64::test {
namespace {

using namespace apic_register;

struct Clock final : DeviceHost {
  std::uint64_t nanoseconds() override { return now; }
  std::uint64_t now = 0;
};
struct Listener final : EndOfInterruptListener {
  void end_of_interrupt(std::uint8_t vector) override { ended.push_back(vector); }
  std::vector<std::uint8_t> ended;
};

struct World {
  explicit World(std::size_t vcpus = 4)
      : apics(std::move(*LocalApics::try_make(Allocator::of(heap), lock, vcpus, 1'000'000'000))) {
    apics->attach(listener);
    for (unsigned n = 0; n < vcpus; ++n) write(n, kSpuriousVector, 0x1ff);
  }
  std::uint32_t read(unsigned vcpu, unsigned number) {
    device.set_accessor(VcpuId(vcpu));
    return static_cast<std::uint32_t>(*device.read(std::uint64_t{number} * 16, AccessWidth::Dword));
  }
  void write(unsigned vcpu, unsigned number, std::uint32_t value) {
    device.set_accessor(VcpuId(vcpu));
    REQUIRE(device.write(std::uint64_t{number} * 16, AccessWidth::Dword, value).has_value());
  }
  void send(unsigned vcpu, std::uint32_t destination, std::uint32_t command) {
    write(vcpu, kCommandHigh, destination << 24);
    write(vcpu, kCommand, command);
  }
  std::optional<std::uint8_t> deliverable(unsigned vcpu) {
    return apics->with_apic(vcpu, [](LocalApic& apic) { return apic.deliverable(); });
  }
  std::optional<std::uint8_t> acknowledge(unsigned vcpu) {
    return apics->with_apic(vcpu, [](LocalApic& apic) { return apic.acknowledge(); });
  }
  /// Who has a deliverable interrupt, one bit each.
  std::uint64_t hear() {
    std::uint64_t all = 0;
    for (unsigned n = 0; n < apics->vcpu_count(); ++n) {
      all |= std::uint64_t{deliverable(n).has_value()} << n;
    }
    return all;
  }

  axvm::test::Heap heap;
  axvm::test::NoLock lock;
  Clock clock;
  Listener listener;
  Box<LocalApics> apics;
  LocalApicDevice device{"local apics", *apics, clock};
};

}  // namespace

TEST_CASE("each vCPU finds its own APIC at the same address") {
  World world;
  for (unsigned n = 0; n < 4; ++n) CHECK(world.read(n, kId) == n << 24);
  world.write(2, kTaskPriority, 0x30);
  CHECK(world.read(2, kTaskPriority) == 0x30);
  CHECK(world.read(1, kTaskPriority) == 0);
}

TEST_CASE("registers are words, 16 bytes apart") {
  World world;
  world.device.set_accessor(VcpuId(1));
  CHECK(world.device.read(0x24, AccessWidth::Dword) == 0U);
  CHECK(world.device.write(0x84, AccessWidth::Dword, 0xff).has_value());
  CHECK(world.read(1, kTaskPriority) == 0);
  for (const AccessWidth width : {AccessWidth::Byte, AccessWidth::Word, AccessWidth::Qword}) {
    CHECK_FALSE(world.device.read(0x20, width).has_value());
    CHECK_FALSE(world.device.write(0x80, width, 0).has_value());
  }
  CHECK_FALSE(world.device.read(0x22, AccessWidth::Dword).has_value());
}

TEST_CASE("an x2APIC is not in memory") {
  World world;
  CHECK(world.apics->write_msr(1, 0x1b, 0xfee0'0c00, 0));
  world.device.set_accessor(VcpuId(1));
  CHECK_FALSE(world.device.read(0x20, AccessWidth::Dword).has_value());
  CHECK_FALSE(world.device.write(0x80, AccessWidth::Dword, 0).has_value());
  CHECK(world.apics->read_msr(1, 0x802, 0) == 1U);
  CHECK(LocalApics::has_msr(0x8ff));
  CHECK_FALSE(LocalApics::has_msr(0x900));
}

TEST_CASE("messages reach whom they name, who are told") {
  World world;
  world.send(0, 2, 0x41);
  CHECK(world.hear() == 0b0100);
  CHECK(world.apics->take_wakes() == 0b0100);
  CHECK(world.apics->take_wakes() == 0);
  CHECK(world.acknowledge(2) == 0x41);
  world.send(0, 0xff, 0x62);
  CHECK(world.hear() == 0b1111);
}

TEST_CASE("shorthands: itself, all, and all others") {
  for (const auto& [command, expected] : std::vector<std::pair<std::uint32_t, std::uint64_t>>{
           {0x4'0041, 0b0010}, {0x8'0041, 0b1111}, {0xc'0041, 0b1101}}) {
    World world;
    world.send(1, 3, command);
    CHECK(world.hear() == expected);
  }
}

TEST_CASE("NMI, INIT and start-up go to others only") {
  World world;
  static_cast<void>(world.apics->take_wakes());
  world.send(1, 0, 0x4'0400);
  CHECK(world.apics->take_wakes() == 0);
  world.send(1, 0, 0xc'0400);
  CHECK(world.apics->take_wakes() == 0b1101);
  world.send(0, 3, 0x0000'c500);
  world.send(0, 3, 0x0000'8500);
  world.send(0, 3, 0x0000'069f);
  world.apics->with_apic(3, [](LocalApic& apic) {
    CHECK(apic.take_init());
    apic.init();
    CHECK(apic.take_startup() == 0x9f);
  });
}

TEST_CASE("the lowest priority is chosen, and the first of equal ones") {
  World world;
  for (unsigned n = 0; n < 4; ++n) world.write(n, kLogicalDestination, 0x0100'0000U << n);
  world.write(0, kTaskPriority, 0x20);
  world.write(1, kTaskPriority, 0x10);
  world.write(2, kTaskPriority, 0x10);
  world.apics->send(InterruptMessage::of_write(0xfee0'7004, 0x141));
  CHECK(world.hear() == 0b0010);
  CHECK(world.acknowledge(1) == 0x41);
  world.apics->send(InterruptMessage::of_write(0xfee0'7004, 0x142));
  CHECK(world.hear() == 0b0100);
  // Who is disabled by software is not chosen, whatever its priority.
  world.write(3, kSpuriousVector, 0xff);
  world.apics->send(InterruptMessage::of_write(0xfee0'8004, 0x143));
  CHECK(world.hear() == 0b0100);
}

TEST_CASE("x2APICs and xAPICs send to each other") {
  World world(20);
  CHECK(world.apics->write_msr(18, 0x1b, 0xfee0'0c00, 0));
  CHECK(world.apics->write_msr(18, 0x830, 0x0000'0002'0000'0041, 0));
  CHECK(world.hear() == 1U << 2);
  CHECK(world.acknowledge(2) == 0x41);
  world.send(2, 18, 0x42);
  CHECK(world.hear() == 1U << 18);
  CHECK(world.apics->write_msr(18, 0x80b, 0, 0));
  CHECK(world.acknowledge(18) == 0x42);
  // Logical: cluster 1, its third member.
  CHECK(world.apics->write_msr(18, 0x830, 0x0001'0004'0000'0843, 0));
  CHECK(world.deliverable(18) == std::nullopt);  // 42 is of the same class
  CHECK(world.apics->write_msr(18, 0x80b, 0, 0));
  CHECK(world.deliverable(18) == 0x43);
}

TEST_CASE("the end of a level-triggered interrupt is told to who listens, by either access") {
  World world;
  world.apics->send(InterruptMessage::of_write(0xfee0'1000, 0xc051));
  CHECK(world.acknowledge(1) == 0x51);
  world.write(1, kEndOfInterrupt, 0);
  CHECK(world.listener.ended == std::vector<std::uint8_t>{0x51});
  CHECK(world.apics->write_msr(1, 0x1b, 0xfee0'0c00, 0));
  world.apics->send(InterruptMessage::of_write(0xfee0'1000, 0xc052));
  CHECK(world.acknowledge(1) == 0x52);
  CHECK(world.apics->write_msr(1, 0x80b, 0, 0));
  CHECK(world.listener.ended == std::vector<std::uint8_t>{0x51, 0x52});
}

TEST_CASE("timers ask to be polled at the first deadline, and interrupt their own vCPU") {
  World world;
  CHECK_FALSE(world.device.deadline().has_value());
  for (unsigned n = 1; n < 3; ++n) {
    world.write(n, kDivideConfiguration, 0xb);
    world.write(n, kLocalVectors, 0x40);
    world.write(n, kInitialCount, 1000 * n);
  }
  static_cast<void>(world.apics->take_wakes());
  CHECK(world.device.deadline() == 1000U);
  world.clock.now = 999;
  world.device.poll();
  CHECK(world.apics->take_wakes() == 0);
  world.clock.now = 1000;
  world.device.poll();
  CHECK(world.apics->take_wakes() == 0b0010);
  CHECK(world.deliverable(1) == 0x40);
  CHECK(world.device.deadline() == 2000U);
}

TEST_CASE("TSC deadlines are an MSR in both modes") {
  World world;
  CHECK(world.apics->write_msr(1, 0x6e0, 500, 0));
  CHECK(world.apics->read_msr(1, 0x6e0, 0) == 0U);
  world.write(1, kLocalVectors, 0x4'0041);
  CHECK(world.apics->write_msr(1, 0x6e0, 500, 0));
  CHECK(world.apics->read_msr(1, 0x6e0, 499) == 500U);
  CHECK(world.device.deadline() == 500U);
  CHECK(world.apics->read_msr(1, 0x6e0, 500) == 0U);
  CHECK(world.deliverable(1) == 0x41);
}

TEST_CASE("restored APICs go on as the original") {
  World original;
  original.write(1, kDivideConfiguration, 0xb);
  original.write(1, kLocalVectors, 0x2'0040);
  original.write(1, kInitialCount, 100);
  original.send(0, 2, 0x41);
  original.send(0, 3, 0x69f);
  CHECK(original.acknowledge(2) == 0x41);
  CHECK(original.apics->write_msr(3, 0x1b, 0xfee0'0c00, 0));
  const auto saved = fuzz::state_of<StateVisitor>(*original.apics);
  World restored;
  fuzz::Restore<StateVisitor> visitor(saved);
  restored.apics->describe(visitor);
  CHECK(fuzz::state_of<StateVisitor>(*restored.apics) == saved);
  CHECK(restored.device.deadline() == 100U);
  CHECK(restored.read(2, kInService + 2) == 2);
  CHECK(restored.apics->read_msr(3, 0x802, 0) == 3U);
  CHECK(restored.apics->with_apic(3, [](LocalApic& apic) { return apic.take_startup(); }) == 0x9f);
}

}  // namespace axvm::x86_64::test
