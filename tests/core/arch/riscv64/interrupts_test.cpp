// Interrupts on their way to a guest: from devices by the PLIC, and from other VMs and the host.
#include <tests/core/arch/riscv64/vm_fixture.hpp>

using namespace axvm;
using namespace axvm::test;
using namespace axvm::exit_reason;
using namespace axvm::riscv64;

namespace {

struct InterruptFixture : RiscvTrapFixture {
  void write_plic(std::uint64_t offset, std::uint32_t value) {
    hart().gprs[5] = value;
    trap(ExceptionCause::StoreGuestPage, kPlic + offset, kPlic + offset, 0x0050'2023);  // SW x5
  }
  std::uint64_t read_plic(std::uint64_t offset) {
    trap(ExceptionCause::LoadGuestPage, kPlic + offset, kPlic + offset, 0x0000'2283);  // LW x5
    run<ExternalInterrupt>();
    return hart().gprs[5];
  }
  /// The guest has the source on for hart 0.
  void enable(std::uint32_t source) {
    write_plic(4 * source, 1);
    run<ExternalInterrupt>();
    write_plic(0x2080, 1U << source);
    run<ExternalInterrupt>();
  }
  bool is_pending() { return (hart().get(Csr::hvip) & interrupt::kVsExternal) != 0; }
};

}  // namespace

TEST_CASE_FIXTURE(InterruptFixture, "the console's interrupt reaches the guest through the PLIC") {
  enable(10);
  trap(ExceptionCause::StoreGuestPage, kUart + 1, kUart + 1, 0x0050'0023);  // IER = 1
  hart().gprs[5] = 1;
  run<ExternalInterrupt>();
  CHECK_FALSE(is_pending());
  hal.input = "x";
  (*vm)->poll_devices();
  CHECK(hal.woken.back() == 0);
  run<ExternalInterrupt>();
  CHECK(is_pending());
  CHECK(read_plic(0x20'1004) == 10);
  CHECK_FALSE(is_pending());
  trap(ExceptionCause::LoadGuestPage, kUart, kUart, 0x0000'4283);  // takes the byte
  run<ExternalInterrupt>();
  CHECK(hart().gprs[5] == 'x');
  write_plic(0x20'1004, 10);
  run<ExternalInterrupt>();
  CHECK_FALSE(is_pending());
}

TEST_CASE_FIXTURE(InterruptFixture, "the host injects sources of the PLIC") {
  enable(20);
  REQUIRE((*vm)->inject_interrupt(VcpuId(0), 20).has_value());
  CHECK((*vm)->inject_interrupt(VcpuId(0), 1024).error().kind == ErrorKind::InvalidInput);
  CHECK((*vm)->inject_message(1, 2).error().kind == ErrorKind::Unsupported);
  run<ExternalInterrupt>();
  CHECK(is_pending());
  CHECK(read_plic(0x20'1004) == 20);
  CHECK_FALSE(is_pending());
}

TEST_CASE_FIXTURE(InterruptFixture, "an interrupt ends the wait of the guest that has it enabled") {
  enable(20);
  hart().set(Csr::vsie, interrupt::kSupervisorExternal);
  trap(ExceptionCause::VirtualInstruction, 0x1050'0073);
  run<Halt>();
  REQUIRE((*vm)->inject_interrupt(VcpuId(0), 20).has_value());
  trap(ExceptionCause::VirtualInstruction, 0x1050'0073);
  run<ExternalInterrupt>();  // it did not wait
  hart().set(Csr::vsie, interrupt::kSupervisorSoftware);
  trap(ExceptionCause::VirtualInstruction, 0x1050'0073);
  run<Halt>();
}

TEST_CASE_FIXTURE(InterruptFixture, "what is pending moves to another hart with its vCPU") {
  enable(20);
  hart().set(Csr::hvip, hart().get(Csr::hvip) | interrupt::kVsSoftware);
  hal.cpu(1);
  REQUIRE((*vm)->unload_vcpu(VcpuId(0)).has_value());
  REQUIRE((*vm)->inject_interrupt(VcpuId(0), 20).has_value());
  hal.here = 1;
  run<ExternalInterrupt>();
  CHECK(hart().get(Csr::hvip) == (interrupt::kVsSoftware | interrupt::kVsExternal));
  CHECK(hal.cpu(0).get(Csr::hvip) == 0);
}

TEST_CASE_FIXTURE(InterruptFixture, "a vCPU that runs elsewhere is kicked") {
  call(0x48'534d, 0, {7, kEntry, 0});
  run<CpuUp>();
  hal.cpu(1);
  hal.here = 1;
  hart().script.push_back([this](FakeHart&) {
    hal.here = 0;  // meanwhile vCPU 0 sends it an interrupt
    call(0x73'5049, 0, {1, 7});
    run<ExternalInterrupt>();
    CHECK(hal.kicked == std::vector<std::uint32_t>{1});
    hal.here = 1;
    return 1ULL << 63 | 1;
  });
  run<ExternalInterrupt>(1);
  run<ExternalInterrupt>(1);
  CHECK((hart().get(Csr::hvip) & interrupt::kVsSoftware) != 0);
}

TEST_CASE_FIXTURE(RiscvFixture,
                  "a VM without emulated interrupts has its timer and its harts' own") {
  config.interrupt_mode = InterruptMode::NoIrq;
  devices.pop_back();
  start();
  run<ExternalInterrupt>();
  CHECK((*vm)->inject_interrupt(VcpuId(0), 20).error().kind == ErrorKind::Unsupported);
  call(0x73'5049, 0, {1, 0});
  run<ExternalInterrupt>();
  CHECK((hart().get(Csr::hvip) & interrupt::kVsSoftware) != 0);
  hart().set(Csr::vsie, interrupt::kSupervisorTimer);
  hart().set(Csr::vstimecmp, 7);
  hart().set(Csr::hvip, 0);
  trap(ExceptionCause::VirtualInstruction, 0x1050'0073);
  CHECK(run<Halt>().wake_time == 700);
}

TEST_CASE_FIXTURE(RiscvFixture, "interrupts of devices are sources of the PLIC") {
  devices.push_back({"rtc", GuestPhysAddr(0x10'1000), 0x1000, 11, EmulatedDeviceType::Rtc, {}});
  CHECK(create().has_value());
  devices.back().irq_id = 1024;
  CHECK(create().error().detail == kPlicDeviceInterrupts.expected);
  config.vcpus = vcpus;
  CHECK(config.validate()->reason == kGicDeviceInterrupts.expected);
}
