#include <core/arch/aarch64/cpu_interface.hpp>
#include <core/arch/aarch64/interrupts.hpp>
#include <core/arch/aarch64/timer.hpp>
#include <tests/core/vm_fixture.hpp>

using namespace axvm;
using namespace axvm::aarch64;
using namespace axvm::test;
using exit_reason::ExternalInterrupt;
using exit_reason::Halt;

namespace {

// An interface that lets interrupts through.
struct Interface : CpuInterface {
  Interface() {
    write(IccRegister::Pmr, 0xf0);
    write(IccRegister::Igrpen1, 1);
  }
  std::uint32_t acknowledge() { return static_cast<std::uint32_t>(*read(IccRegister::Iar1)); }
};

// A VM of two vCPUs whose interrupts are emulated; vCPU 0's interface lets them through.
struct InterruptFixture : VmFixture {
  InterruptFixture() {
    config.interrupt_mode = InterruptMode::Emulated;
    start();
    write_icc(4, 6, 0, 0xf0);  // PMR
    write_icc(12, 12, 7, 1);   // IGRPEN1
  }
  static std::uint64_t esr(unsigned crn, unsigned crm, unsigned op2, unsigned rt, bool read) {
    return (0x18ULL << 26) | (1 << 25) | (3 << 20) | (op2 << 17) | (crn << 10) | (rt << 5) |
           (crm << 1) | (read ? 1U : 0U);
  }
  // The guest writes a register of the interface, and is interrupted.
  void write_icc(unsigned crn, unsigned crm, unsigned op2, std::uint64_t value) {
    cpu().script.push_back([=](FakeCpu& c) {
      c.gprs[3] = value;
      c.set(SysReg::ESR_EL2, esr(crn, crm, op2, 3, false));
      return Vector::Synchronous;
    });
    run<ExternalInterrupt>();
  }
  std::uint64_t read_icc(unsigned crm, unsigned op2) {
    trap(esr(12, crm, op2, 4, true));
    run<ExternalInterrupt>();
    return cpu().gprs[4];
  }
  std::uint64_t acknowledge() { return read_icc(12, 0); }
  void end(std::uint64_t intid) { write_icc(12, 12, 1, intid); }
  bool line_is_up() { return (cpu().get(SysReg::HCR_EL2) & hcr::VI) != 0; }
  // A timer interrupts the hypervisor while the guest runs; then the host does.
  void physical_interrupt(std::uint32_t intid) {
    cpu().script.push_back([=, this](FakeCpu&) {
      hal.pending_irq = intid;
      return Vector::Irq;
    });
    cpu().script.push_back([this](FakeCpu&) {
      hal.pending_irq = 1023;
      return Vector::Irq;
    });
    run<ExternalInterrupt>();
  }
  Halt wfi() {
    trap((0x01ULL << 26) | (1 << 25));
    return run<Halt>();
  }
};

}  // namespace

TEST_CASE("cpu interface: nothing comes before it is enabled, whatever is pending") {
  CpuInterface interface;
  interface.set_pending(40);
  CHECK_FALSE(interface.signals());
  CHECK(interface.read(IccRegister::Iar1) == kSpuriousIntid);
  CHECK(interface.read(IccRegister::Hppir1) == kSpuriousIntid);
  interface.write(IccRegister::Igrpen1, 1);
  CHECK_FALSE(interface.signals());  // ICC_PMR_EL1 is 0
  CHECK(interface.read(IccRegister::Hppir1) == 40);
  interface.write(IccRegister::Pmr, 0xa0);
  CHECK_FALSE(interface.signals());  // no higher than the mask
  interface.write(IccRegister::Pmr, 0xa8);
  CHECK(interface.signals());
}

TEST_CASE("cpu interface: acknowledged, active, ended") {
  Interface interface;
  interface.set_pending(40);
  interface.set_pending(33);
  CHECK(interface.acknowledge() == 33);
  CHECK(interface.read(IccRegister::Rpr) == 0xa0);
  CHECK(interface.read(IccRegister::Ap1r0) == 1U << 20);
  CHECK_FALSE(interface.signals());  // of equal priority
  CHECK(interface.acknowledge() == kSpuriousIntid);
  interface.set_pending(33);  // again while active
  CHECK(interface.write(IccRegister::Eoir1, 33)->deactivated == 33);
  CHECK(interface.read(IccRegister::Rpr) == 0xff);
  CHECK(interface.acknowledge() == 33);
  interface.write(IccRegister::Eoir1, 33);
  CHECK(interface.acknowledge() == 40);
  CHECK(interface.write(IccRegister::Eoir1, 1023)->deactivated == std::nullopt);
  CHECK(interface.read(IccRegister::Rpr) == 0xa0);
}

TEST_CASE("cpu interface: the end in two steps") {
  Interface interface;
  interface.write(IccRegister::Ctlr, 2);
  interface.set_pending(40);
  interface.set_pending(41);
  CHECK(interface.acknowledge() == 40);
  CHECK_FALSE(interface.write(IccRegister::Eoir1, 40)->deactivated.has_value());
  CHECK(interface.is_active(40));
  CHECK(interface.acknowledge() == 41);  // the priority has been dropped
  CHECK(interface.write(IccRegister::Dir, 40)->deactivated == 40);
  CHECK_FALSE(interface.is_active(40));
}

TEST_CASE("cpu interface: registers hold what the manual says they hold") {
  Interface interface;
  CHECK(interface.read(IccRegister::Sre) == 7);
  CHECK(interface.read(IccRegister::Ctlr) == (4U << 8 | 1U << 15));
  interface.write(IccRegister::Pmr, 0xff);
  CHECK(interface.read(IccRegister::Pmr) == 0xf8);
  interface.write(IccRegister::Bpr1, 0);
  CHECK(interface.read(IccRegister::Bpr1) == 3);
  interface.write(IccRegister::Bpr0, 5);
  interface.write(IccRegister::Ctlr, 1);  // CBPR
  CHECK(interface.read(IccRegister::Bpr1) == 6);
  CHECK_FALSE(interface.read(IccRegister::Eoir1).has_value());
  CHECK_FALSE(interface.read(IccRegister::Sgi1r).has_value());
  CHECK_FALSE(interface.write(IccRegister::Iar1, 0).has_value());
  CHECK_FALSE(interface.write(IccRegister::Rpr, 0).has_value());
  CHECK(interface.read(IccRegister::Iar0) == kSpuriousIntid);
}

TEST_CASE("cpu interface: software-generated interrupts name a cluster and a list, or all others") {
  const SgiRequest list(5ULL << 24 | 1ULL << 48 | 2ULL << 32 | 3ULL << 16 | 0b1010);
  CHECK(list.intid == 5);
  CHECK(list.reaches(1ULL << 32 | 2ULL << 16 | 3ULL << 8 | 3, true));
  CHECK_FALSE(list.reaches(1ULL << 32 | 2ULL << 16 | 3ULL << 8 | 2, false));
  CHECK_FALSE(list.reaches(1ULL << 32 | 2ULL << 16 | 4ULL << 8 | 3, false));
  CHECK_FALSE(list.reaches(1ULL << 32 | 2ULL << 16 | 3ULL << 8 | 19, false));
  const SgiRequest others(1ULL << 40);
  CHECK(others.reaches(0xff, false));
  CHECK_FALSE(others.reaches(0xff, true));
}

TEST_CASE("timer deadlines are rounded up, and never overflow") {
  CHECK(nanoseconds_of(1, 62'500'000) == 16);
  CHECK(nanoseconds_of(1, 3) == 333'333'334);
  CHECK(nanoseconds_of(~0ULL, 62'500'000) == ~0ULL);
  CHECK(nanoseconds_of(5, 0) == ~0ULL);
}

TEST_CASE_FIXTURE(InterruptFixture, "vcpu interrupt injection: the line is up until it is taken") {
  CHECK_FALSE(line_is_up());
  REQUIRE((*vm)->inject_interrupt(VcpuId(0), 40).has_value());
  CHECK(hal.woken == std::vector<std::uint32_t>{0});
  CHECK(hal.kicked.empty());
  run<ExternalInterrupt>();
  CHECK(line_is_up());
  CHECK(acknowledge() == 40);
  CHECK_FALSE(line_is_up());
  REQUIRE((*vm)->inject_interrupt(VcpuId(0), 41).has_value());
  run<ExternalInterrupt>();
  CHECK_FALSE(line_is_up());
  end(40);
  CHECK(line_is_up());
}

TEST_CASE_FIXTURE(InterruptFixture, "an injection from another CPU kicks the vCPU in the guest") {
  hal.cpu(1);
  cpu().script.push_back([this](FakeCpu&) {
    const std::uint32_t inside = std::exchange(hal.here, 1);
    CHECK((*vm)->inject_interrupt(VcpuId(0), 50).has_value());
    hal.here = inside;
    return Vector::Irq;
  });
  run<ExternalInterrupt>();
  CHECK(hal.kicked == std::vector<std::uint32_t>{0});
  run<ExternalInterrupt>();
  CHECK(line_is_up());
}

TEST_CASE_FIXTURE(InterruptFixture, "injections that cannot be are refused") {
  TestVm& v = **vm;
  CHECK(v.inject_interrupt(VcpuId(2), 40).error().kind == ErrorKind::InvalidInput);
  CHECK(v.inject_interrupt(VcpuId(0), 1020).error().kind == ErrorKind::InvalidInput);
  REQUIRE(v.pause().has_value());
  CHECK(v.inject_interrupt(VcpuId(0), 40).has_value());
  REQUIRE(v.stop(VmStopReason::Clean).has_value());
  CHECK(v.inject_interrupt(VcpuId(0), 40).error().kind == ErrorKind::BadState);

  VmFixture without;
  CHECK(without.start().inject_interrupt(VcpuId(0), 40).error().kind == ErrorKind::Unsupported);
}

TEST_CASE_FIXTURE(InterruptFixture,
                  "a timer's interrupt is ended when the guest has ended its own") {
  physical_interrupt(27);
  CHECK(line_is_up());
  cpu().set(SysReg::CNTV_CTL_EL0, 5);
  CHECK(acknowledge() == 27);
  CHECK(hal.ended.empty());
  end(27);
  CHECK(hal.ended == std::vector<std::uint32_t>{27});
}

TEST_CASE_FIXTURE(InterruptFixture, "a timer that asserts no longer has interrupted nobody") {
  physical_interrupt(27);
  cpu().set(SysReg::CNTV_CTL_EL0, 1);
  CHECK(acknowledge() == kSpuriousIntid);
  CHECK(hal.ended == std::vector<std::uint32_t>{27});
  CHECK_FALSE(line_is_up());
}

TEST_CASE_FIXTURE(InterruptFixture, "a timer's interrupt does not block the vCPU that comes next") {
  physical_interrupt(27);
  call({0xc400'0003, 0x100, kEntry, 0});
  run<exit_reason::CpuUp>();
  run<ExternalInterrupt>(1);  // on the same CPU
  CHECK(hal.ended == std::vector<std::uint32_t>{27});
  CHECK_FALSE(line_is_up());
  CHECK(cpu().get(SysReg::CNTV_CTL_EL0) == 0);
  physical_interrupt(27);  // vCPU 0 is back, and so is what its timer says
  CHECK(line_is_up());
}

TEST_CASE_FIXTURE(InterruptFixture, "WFI goes on when something is pending, else until a timer") {
  CHECK_FALSE(wfi().wake_time.has_value());
  cpu().set(SysReg::CNTV_CTL_EL0, 1);
  cpu().set(SysReg::CNTV_CVAL_EL0, 1000);
  CHECK(wfi().wake_time == 16'000);
  cpu().set(SysReg::CNTP_CTL_EL0, 1);
  cpu().set(SysReg::CNTP_CVAL_EL0, 10);
  CHECK(wfi().wake_time == 160);
  cpu().set(SysReg::CNTP_CTL_EL0, 3);  // masked
  CHECK(wfi().wake_time == 16'000);
  REQUIRE((*vm)->inject_interrupt(VcpuId(0), 40).has_value());
  trap((0x01ULL << 26) | (1 << 25));
  run<ExternalInterrupt>();  // not Halt
}

TEST_CASE_FIXTURE(InterruptFixture, "ICC_SGI1R_EL1 reaches siblings by affinity") {
  write_icc(12, 11, 5, 7ULL << 24 | 1ULL << 16 | 1);  // affinity 0.0.1.0
  CHECK(hal.woken == std::vector<std::uint32_t>{1});
  write_icc(12, 11, 5, 1ULL << 40);
  CHECK(hal.woken == std::vector<std::uint32_t>{1, 1});
  write_icc(12, 11, 5, 1);
  CHECK(hal.woken == std::vector<std::uint32_t>{1, 1, 0});
  CHECK(acknowledge() == 0);
}

TEST_CASE("without emulated interrupts there is no interface, and timers are kept quiet") {
  VmFixture f;
  f.start();
  f.run<ExternalInterrupt>();
  f.cpu().set(SysReg::VBAR_EL1, kVectors);
  f.trap(InterruptFixture::esr(12, 12, 0, 4, true));
  f.run<ExternalInterrupt>();
  CHECK(f.cpu().get(SysReg::ELR_EL2) == kVectors + 0x200);
  f.hal.pending_irq = 1023;
  f.cpu().script.push_back([&](FakeCpu&) {
    f.hal.pending_irq = 27;
    return Vector::Irq;
  });
  f.cpu().script.push_back([&](FakeCpu&) {
    f.hal.pending_irq = 1023;
    return Vector::Irq;
  });
  f.run<ExternalInterrupt>();
  CHECK(f.hal.ended.empty());
  CHECK((f.cpu().get(SysReg::HCR_EL2) & hcr::VI) == 0);
}
