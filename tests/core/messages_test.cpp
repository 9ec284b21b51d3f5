// Message-signalled interrupts of a VM with an ITS: from the host's call to the list register.
#include <core/arch/aarch64/gic/list_register.hpp>
#include <core/arch/aarch64/interrupts.hpp>
#include <tests/core/vm_fixture.hpp>

using namespace axvm;
using namespace axvm::aarch64;
using namespace axvm::test;
using exit_reason::ExternalInterrupt;

namespace {

constexpr std::uint64_t kGicd = 0x800'0000, kIts = 0x808'0000, kGicr = 0x80a'0000;
constexpr std::uint64_t kConfiguration = 0x4001'0000, kPending = 0x4002'0000, kQueue = 0x4003'0000,
                        kDevices = 0x4004'0000, kCollections = 0x4005'0000, kEvents = 0x4006'0000;
constexpr std::uint64_t kValid = 1ULL << 63;

struct MessageFixture : VmFixture {
  MessageFixture() {
    config.interrupt_mode = InterruptMode::Emulated;
    devices.push_back({"gic", GuestPhysAddr(kGicd), 0x1'0000, 0,
                       EmulatedDeviceType::InterruptController, arguments});
    for (const std::size_t n : {0U, 1U}) hal.cpu(n).set(SysReg::ICH_VTR_EL2, 3);
    start();
    run<ExternalInterrupt>();
  }
  /// The guest stores 8 bytes; one at the beginning of a page, where a wider access is looked at.
  void store(std::uint64_t at, std::uint64_t value) {
    const std::uint64_t size = at % 0x1000 == 0 ? 0 : 3;
    cpu().script.push_back([=](FakeCpu& c) {
      c.gprs[1] = value;
      c.set(SysReg::ESR_EL2, 0x24ULL << 26 | 1ULL << 25 | 1ULL << 24 | size << 22 | 1ULL << 16 |
                                 1ULL << 15 | 1ULL << 6 | 5);
      c.set(SysReg::FAR_EL2, at);
      c.set(SysReg::HPFAR_EL2, (at >> 12) << 4);
      return Vector::Synchronous;
    });
    run<ExternalInterrupt>();
  }
  void poke(std::uint64_t at, std::uint64_t value) {
    REQUIRE((*vm)->write_to_guest(GuestPhysAddr(at), std::as_bytes(std::span(&value, 1))));
  }
  void command(std::uint64_t first, std::uint64_t second, std::uint64_t third) {
    poke(kQueue + writer, first);
    poke(kQueue + writer + 8, second);
    poke(kQueue + writer + 16, third);
    writer += 32;
    store(kIts + 0x88, writer);
  }
  /// Event 1 of device 5 is LPI 8192 of vCPU 0.
  void set_up() {
    poke(kConfiguration, 0xa1);
    store(kGicd, 2);
    store(kGicr + 0x70, kConfiguration | 13);
    store(kGicr + 0x78, kPending);
    store(kGicr, 1);
    store(kIts + 0x100, kDevices | kValid);
    store(kIts + 0x108, kCollections | kValid);
    store(kIts + 0x80, kQueue | kValid);
    store(kIts, 1);
    command(0x09, 0, kValid);
    command(0x08 | 5ULL << 32, 1, kEvents | kValid);
    command(0x0a | 5ULL << 32, 1 | 8192ULL << 32, 0);
  }
  ListRegister list() { return ListRegister(cpu().get(SysReg::ICH_LR0_EL2)); }

  std::array<std::uint64_t, 3> arguments{3, kGicr, kIts};
  std::uint64_t writer = 0;
};

}  // namespace

TEST_CASE_FIXTURE(MessageFixture, "a message becomes an interrupt of the vCPU it is mapped to") {
  set_up();
  CHECK_FALSE(list().is_valid());
  CHECK((*vm)->inject_message(5, 1).has_value());
  run<ExternalInterrupt>();
  CHECK(list().intid == 8192);
  CHECK(list().pending);
  CHECK(list().group1);
}

TEST_CASE_FIXTURE(MessageFixture, "a message from another CPU kicks the vCPU in the guest") {
  set_up();
  cpu().script.push_back([this](FakeCpu&) {
    const std::uint32_t inside = std::exchange(hal.here, 1);
    CHECK((*vm)->inject_message(5, 1).has_value());
    hal.here = inside;
    return Vector::Irq;
  });
  run<ExternalInterrupt>();
  CHECK(hal.kicked == std::vector<std::uint32_t>{0});
}

TEST_CASE_FIXTURE(MessageFixture, "messages that cannot be are refused, and say why") {
  TestVm& v = **vm;
  CHECK(v.inject_message(5, 1).error().kind == ErrorKind::BadState);
  set_up();
  CHECK(v.inject_message(5, 4).error().kind == ErrorKind::OutOfRange);
  CHECK(v.inject_message(5, 0).error().kind == ErrorKind::NotFound);
  CHECK(v.inject_message(4, 0).error().kind == ErrorKind::NotFound);
  REQUIRE(v.pause().has_value());
  CHECK(v.inject_message(5, 1).has_value());
  REQUIRE(v.stop(VmStopReason::Clean).has_value());
  CHECK(v.inject_message(5, 1).error().kind == ErrorKind::BadState);

  VmFixture without;
  CHECK(without.start().inject_message(5, 1).error().kind == ErrorKind::Unsupported);
}

TEST_CASE_FIXTURE(MessageFixture, "an ITS begins at a multiple of 64 KiB") {
  VmFixture other;
  std::array<std::uint64_t, 3> wrong{3, kGicr, kIts + 0x1000};
  other.config.interrupt_mode = InterruptMode::Emulated;
  other.devices.push_back(
      {"gic", GuestPhysAddr(kGicd), 0x1'0000, 0, EmulatedDeviceType::InterruptController, wrong});
  CHECK(other.create().error().kind == ErrorKind::InvalidInput);
}

TEST_CASE_FIXTURE(MessageFixture, "after a reset of the VM nothing is mapped") {
  set_up();
  REQUIRE((*vm)->reset([](VmBase&) { return Result<>(); }).has_value());
  REQUIRE((*vm)->start().has_value());
  CHECK((*vm)->inject_message(5, 1).error().kind == ErrorKind::BadState);
}
