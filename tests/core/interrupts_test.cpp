#include <algorithm>
#include <core/arch/aarch64/gic/list_register.hpp>
#include <core/arch/aarch64/gic/sgi.hpp>
#include <core/arch/aarch64/interrupts.hpp>
#include <core/arch/aarch64/timer.hpp>
#include <tests/core/vm_fixture.hpp>

using namespace axvm;
using namespace axvm::aarch64;
using namespace axvm::test;
using exit_reason::ExternalInterrupt;
using exit_reason::Halt;

namespace {

// A VM of two vCPUs whose interrupts are emulated, on CPUs with four list registers.
struct InterruptFixture : VmFixture {
  InterruptFixture() {
    config.interrupt_mode = InterruptMode::Emulated;
    for (const std::size_t n : {0U, 1U}) hal.cpu(n).set(SysReg::ICH_VTR_EL2, 3);
    start();
    run<ExternalInterrupt>();
  }
  static std::uint64_t esr(unsigned crn, unsigned crm, unsigned op2, unsigned rt, bool read) {
    return (0x18ULL << 26) | (1 << 25) | (3 << 20) | (op2 << 17) | (crn << 10) | (rt << 5) |
           (crm << 1) | (read ? 1U : 0U);
  }
  ListRegister list(unsigned n) { return ListRegister(cpu().get(list_register_name(n))); }
  /// The list registers that hold something, in the order of the interrupts' numbers.
  std::vector<std::uint32_t> held() {
    std::vector<std::uint32_t> intids;
    for (unsigned n = 0; n < 4; ++n) {
      if (list(n).is_valid()) intids.push_back(list(n).intid);
    }
    std::ranges::sort(intids);
    return intids;
  }
  /// What the hardware does when the guest acknowledges, or ends, what a list register holds.
  void acknowledge(std::uint32_t intid) {
    change(intid, [](ListRegister& entry) {
      entry.pending = false;
      entry.active = true;
    });
  }
  void end(std::uint32_t intid) {
    change(intid, [](ListRegister& entry) { entry.active = false; });
  }
  template <class F>
  void change(std::uint32_t intid, F&& f) {
    for (unsigned n = 0; n < 4; ++n) {
      ListRegister entry = list(n);
      if (!entry.is_valid() || entry.intid != intid) continue;
      f(entry);
      cpu().set(list_register_name(n), entry.encode());
      return;
    }
    FAIL("no list register holds the interrupt");
  }
  /// An interrupt of the hardware comes while the guest runs; then the host's.
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
  void inject(std::uint32_t intid, std::uint32_t vcpu = 0) {
    REQUIRE((*vm)->inject_interrupt(VcpuId(vcpu), intid).has_value());
  }
};

}  // namespace

TEST_CASE("list registers: what is encoded is decoded") {
  ListRegister entry;
  entry.intid = 27;
  entry.pending = true;
  entry.group1 = true;
  entry.priority = 0xa0;
  entry.hardware = true;
  CHECK(entry.encode() == 0x70a0'001b'0000'001b);  // IHI 0069, 12.4.6
  entry.hardware = false;
  entry.reports_end = true;
  entry.pending = false;
  entry.active = true;
  CHECK(entry.encode() == 0x90a0'0200'0000'001b);
  CHECK(ListRegister(entry.encode()).encode() == entry.encode());
  CHECK_FALSE(ListRegister(0x70a0'001b'0000'001b).reports_end);
}

TEST_CASE("software-generated interrupts name a cluster and a list, or all others") {
  const SgiRequest list(5ULL << 24 | 1ULL << 48 | 2ULL << 32 | 3ULL << 16 | 0b1010);
  CHECK(list.intid == 5);
  CHECK(list.reaches(1ULL << 32 | 2ULL << 16 | 3ULL << 8 | 3, true));
  CHECK_FALSE(list.reaches(1ULL << 32 | 2ULL << 16 | 3ULL << 8 | 2, false));
  CHECK_FALSE(list.reaches(1ULL << 32 | 2ULL << 16 | 4ULL << 8 | 3, false));
  CHECK_FALSE(list.reaches(1ULL << 32 | 2ULL << 16 | 3ULL << 8 | 19, false));
  const SgiRequest second(1ULL << 44 | 0b1000);  // RS: affinities 16 to 31
  CHECK(second.reaches(19, false));
  CHECK_FALSE(second.reaches(3, false));
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

TEST_CASE_FIXTURE(InterruptFixture,
                  "an injected interrupt waits in a list register until it is taken") {
  CHECK(held().empty());
  inject(40);
  CHECK(hal.woken == std::vector<std::uint32_t>{0});
  CHECK(hal.kicked.empty());
  run<ExternalInterrupt>();
  CHECK(held() == std::vector<std::uint32_t>{40});
  CHECK(list(0).pending);
  CHECK(list(0).group1);
  CHECK_FALSE(list(0).hardware);
  CHECK(cpu().get(SysReg::ICH_HCR_EL2) == ich::En);
  acknowledge(40);
  inject(41);
  run<ExternalInterrupt>();
  CHECK(held() == std::vector<std::uint32_t>{40, 41});
  end(40);
  inject(42);
  run<ExternalInterrupt>();
  CHECK(held() == std::vector<std::uint32_t>{41, 42});
}

TEST_CASE_FIXTURE(InterruptFixture, "more interrupts than list registers wait for room") {
  for (std::uint32_t intid = 40; intid < 47; ++intid) inject(intid);
  run<ExternalInterrupt>();
  CHECK(held() == std::vector<std::uint32_t>{40, 41, 42, 43});
  CHECK((cpu().get(SysReg::ICH_HCR_EL2) & ich::UIE) != 0);
  for (std::uint32_t intid = 40; intid < 43; ++intid) {
    acknowledge(intid);
    end(intid);
  }
  physical_interrupt(kMaintenanceIntid);
  CHECK(hal.ended == std::vector<std::uint32_t>{kMaintenanceIntid});
  CHECK(held() == std::vector<std::uint32_t>{43, 44, 45, 46});
  CHECK((cpu().get(SysReg::ICH_HCR_EL2) & ich::UIE) == 0);
}

TEST_CASE_FIXTURE(InterruptFixture,
                  "a pending interrupt that comes again comes once, an active one again") {
  inject(40);
  run<ExternalInterrupt>();
  inject(40);
  run<ExternalInterrupt>();
  acknowledge(40);
  inject(40);
  run<ExternalInterrupt>();
  CHECK(held() == std::vector<std::uint32_t>{40});
  CHECK(list(0).pending);
  CHECK(list(0).active);
}

TEST_CASE_FIXTURE(InterruptFixture, "an injection from another CPU kicks the vCPU in the guest") {
  cpu().script.push_back([this](FakeCpu&) {
    const std::uint32_t inside = std::exchange(hal.here, 1);
    CHECK((*vm)->inject_interrupt(VcpuId(0), 50).has_value());
    hal.here = inside;
    return Vector::Irq;
  });
  run<ExternalInterrupt>();
  CHECK(hal.kicked == std::vector<std::uint32_t>{0});
  run<ExternalInterrupt>();
  CHECK(held() == std::vector<std::uint32_t>{50});
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

TEST_CASE_FIXTURE(InterruptFixture, "a timer's interrupt ends together with the guest's own") {
  cpu().set(SysReg::CNTV_CTL_EL0, 5);
  physical_interrupt(27);
  CHECK(held() == std::vector<std::uint32_t>{27});
  CHECK(list(0).hardware);
  acknowledge(27);
  end(27);  // the hardware ends the physical one
  physical_interrupt(27);
  CHECK(list(0).pending);
  CHECK(list(0).hardware);
  CHECK(hal.ended.empty());
}

TEST_CASE_FIXTURE(InterruptFixture, "a timer that asserts no longer has interrupted nobody") {
  cpu().set(SysReg::CNTV_CTL_EL0, 5);
  physical_interrupt(27);
  cpu().set(SysReg::CNTV_CTL_EL0, 1);
  inject(40);
  run<ExternalInterrupt>();
  CHECK(held() == std::vector<std::uint32_t>{40});
  CHECK(hal.ended == std::vector<std::uint32_t>{27});
}

TEST_CASE_FIXTURE(InterruptFixture, "a timer's interrupt does not block the vCPU that comes next") {
  cpu().set(SysReg::CNTV_CTL_EL0, 5);
  physical_interrupt(27);
  call({0xc400'0003, 0x100, kEntry, 0});
  run<exit_reason::CpuUp>();
  run<ExternalInterrupt>(1);  // on the same CPU
  CHECK(hal.ended == std::vector<std::uint32_t>{27});
  CHECK(held().empty());
  CHECK(cpu().get(SysReg::CNTV_CTL_EL0) == 0);
  run<ExternalInterrupt>();
  CHECK(held().empty());  // vCPU 0 is back; its timer has to say so again
  cpu().set(SysReg::CNTV_CTL_EL0, 5);
  physical_interrupt(27);
  CHECK(held() == std::vector<std::uint32_t>{27});
}

TEST_CASE_FIXTURE(InterruptFixture, "a vCPU takes its interrupts and its interface along") {
  inject(40);
  inject(41);
  run<ExternalInterrupt>();
  acknowledge(40);
  cpu().set(SysReg::ICH_VMCR_EL2, 0xf000'0002);
  cpu().set(SysReg::ICH_AP1R0_EL2, 1U << 20);
  hal.here = 1;
  run<ExternalInterrupt>();
  CHECK(held() == std::vector<std::uint32_t>{40, 41});
  CHECK(list(0).active);
  CHECK_FALSE(list(0).pending);
  CHECK(cpu().get(SysReg::ICH_VMCR_EL2) == 0xf000'0002);
  CHECK(cpu().get(SysReg::ICH_AP1R0_EL2) == 1U << 20);
  CHECK(hal.cpu(0).get(SysReg::ICH_HCR_EL2) == ich::kNoInterface);
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
  cpu().script.push_back([this](FakeCpu& c) {
    inject(40);  // in the last moment
    c.set(SysReg::ESR_EL2, (0x01ULL << 26) | (1 << 25));
    return Vector::Synchronous;
  });
  run<ExternalInterrupt>();  // not Halt
  CHECK(held() == std::vector<std::uint32_t>{40});
  CHECK(wfi().wake_time == 16'000);  // the hardware knows of it, and waits: the guest has masked it
}

TEST_CASE_FIXTURE(InterruptFixture, "a timer that has come and gone is waited for again") {
  cpu().set(SysReg::CNTV_CTL_EL0, 5);
  cpu().set(SysReg::CNTV_CVAL_EL0, 1);
  physical_interrupt(27);
  acknowledge(27);
  end(27);
  cpu().set(SysReg::CNTV_CTL_EL0, 1);
  cpu().set(SysReg::CNTV_CVAL_EL0, 2000);
  CHECK(wfi().wake_time == 32'000);
}

TEST_CASE_FIXTURE(InterruptFixture, "ICC_SGI1R_EL1 reaches siblings by affinity") {
  const auto send = [this](std::uint64_t value) {
    cpu().script.push_back([=](FakeCpu& c) {
      c.gprs[3] = value;
      c.set(SysReg::ESR_EL2, esr(12, 11, 5, 3, false));
      return Vector::Synchronous;
    });
    run<ExternalInterrupt>();
  };
  send(7ULL << 24 | 1ULL << 16 | 1);  // affinity 0.0.1.0
  CHECK(hal.woken == std::vector<std::uint32_t>{1});
  send(1ULL << 40);
  CHECK(hal.woken == std::vector<std::uint32_t>{1, 1});
  send(1);
  CHECK(hal.woken == std::vector<std::uint32_t>{1, 1, 0});
  CHECK(held() == std::vector<std::uint32_t>{0});
}

TEST_CASE("without emulated interrupts there is no interface, and timers are kept quiet") {
  VmFixture f;
  f.start();
  f.run<ExternalInterrupt>();
  CHECK(f.cpu().get(SysReg::ICH_HCR_EL2) == ich::kNoInterface);
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
  CHECK(f.cpu().get(list_register_name(0)) == 0);
}
