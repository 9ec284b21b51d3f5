#include <doctest/doctest.h>

#include <tests/core/trap_fixture.hpp>

using namespace axvm;
using namespace axvm::test;
using namespace axvm::exit_reason;

TEST_CASE_FIXTURE(TrapFixture, "PSCI answers its version and features, by HVC and SMC") {
  call({0x8400'0000, 0, 0, 0});
  run<ExternalInterrupt>();
  CHECK(cpu().gprs[0] == 0x1'0001);
  CHECK(pc() == kEntry);  // ELR_EL2 is behind an HVC already
  call({0x8400'000a, 0xc400'0003, 0, 0}, 0x17);
  run<ExternalInterrupt>();
  CHECK(cpu().gprs[0] == 0);
  CHECK(pc() == kEntry + 4);  // but at a trapped SMC
  for (const std::uint64_t unknown : {0xc400'0000ULL, 0x8400'ffffULL, 5ULL, 0x8400'001fULL}) {
    call({0x8400'000a, unknown, 0, 0});
    run<ExternalInterrupt>();
    CHECK(cpu().gprs[0] == ~0ULL);
    call({unknown, 0, 0, 0});
    run<ExternalInterrupt>();
    CHECK(cpu().gprs[0] == ~0ULL);
  }
  const auto calls = hal.events_of<FirmwareCall>();
  CHECK(calls[0].name == "PSCI_VERSION");
  CHECK(calls[0].result == 0x1'0001);
  CHECK(calls.back().name.empty());
}

TEST_CASE_FIXTURE(TrapFixture, "CPU_ON starts another vCPU where it says") {
  call({0xc400'0003, 0x100, kEntry + 0x40, 0xc0de});
  const auto up = run<CpuUp>();
  CHECK(up.started == VcpuId(1));
  CHECK(cpu().gprs[0] == 0);
  CHECK((*vm)->vcpu_status(VcpuId(1))->power == PowerState::On);

  std::uint64_t entry = 0, context = 0, mpidr = 0;
  cpu().script.push_back([&](FakeCpu& c) {
    entry = c.get(SysReg::ELR_EL2);
    context = c.gprs[0];
    mpidr = c.get(SysReg::VMPIDR_EL2);
    return Vector::Irq;
  });
  run<ExternalInterrupt>(1);
  CHECK(entry == kEntry + 0x40);
  CHECK(context == 0xc0de);
  CHECK(mpidr == 0x8000'0100);
}

TEST_CASE_FIXTURE(TrapFixture, "CPU_ON refuses what cannot be started") {
  const auto result = [&](std::array<std::uint64_t, 4> x) {
    call(x);
    run<ExternalInterrupt>();
    return static_cast<std::int64_t>(cpu().gprs[0]);
  };
  CHECK(result({0xc400'0003, 0x200, kEntry, 0}) == -2);
  CHECK(result({0xc400'0003, 0x100, kUart, 0}) == -9);
  CHECK(result({0xc400'0003, 0x100, ~0ULL, 0}) == -9);
  CHECK(result({0xc400'0003, 0, kEntry, 0}) == -4);
  CHECK(result({0xc400'0004, 0, 0, 0}) == 0);
  CHECK(result({0xc400'0004, 0x100, 0, 0}) == 1);
  CHECK(result({0xc400'0003, 0x100, kEntry + 2, 0}) == -9);
  CHECK(result({0xc400'0003, 1ULL << 32, kEntry, 0}) == -2);
  CHECK(result({0x8400'0003, 1ULL << 32, kEntry, 0}) == -4);  // 32 bits wide: vCPU 0
  CHECK((*vm)->vcpu_status(VcpuId(1))->power == PowerState::Off);
}

TEST_CASE_FIXTURE(TrapFixture, "AFFINITY_INFO tells whether any vCPU of a group is on") {
  const auto result = [&](std::array<std::uint64_t, 4> x) {
    call(x);
    run<ExternalInterrupt>();
    return static_cast<std::int64_t>(cpu().gprs[0]);
  };
  CHECK(result({0xc400'0004, 0x1ff, 1, 0}) == 1);   // cluster 1 holds the vCPU that is off
  CHECK(result({0xc400'0004, 0, 1, 0}) == 0);       // cluster 0 ours
  CHECK(result({0xc400'0004, 0xffff, 2, 0}) == 0);  // both
  CHECK(result({0x8400'0004, 0x1'0000, 3, 0}) == 0);
  CHECK(result({0xc400'0004, 0x200, 1, 0}) == -2);
  CHECK(result({0xc400'0004, 0x300, 0, 0}) == -2);
  CHECK(result({0xc400'0004, 0, 4, 0}) == -2);
  CHECK(result({0xc400'0004, 0x8000'0000, 0, 0}) == -2);  // no affinity field
}

TEST_CASE_FIXTURE(TrapFixture, "FEATURES names what there is, every other call is NOT_SUPPORTED") {
  const auto ask = [&](std::uint64_t id) {
    call({0x8400'000a, id, 0, 0});
    run<ExternalInterrupt>();
    return static_cast<std::int64_t>(cpu().gprs[0]);
  };
  for (const std::uint64_t id :
       {0x8000'0000ULL, 0x8400'0000ULL, 0x8400'0001ULL, 0xc400'0001ULL, 0x8400'0002ULL,
        0x8400'0003ULL, 0xc400'0003ULL, 0x8400'0004ULL, 0xc400'0004ULL, 0x8400'0006ULL,
        0x8400'0008ULL, 0x8400'0009ULL, 0x8400'000aULL, 0x8400'000cULL, 0xc400'000cULL,
        0x8400'000eULL, 0xc400'000eULL, 0x8400'0012ULL, 0xc400'0012ULL}) {
    CHECK(ask(id) == 0);
  }
  for (const std::uint64_t id :
       {0x8400'0005ULL, 0xc400'0005ULL, 0x8400'0007ULL, 0xc400'0007ULL, 0x8400'000bULL,
        0x8400'000dULL, 0xc400'000dULL, 0x8400'000fULL, 0x8400'0010ULL, 0xc400'0011ULL,
        0x8400'0013ULL, 0xc400'0014ULL, 0x8400'0015ULL, 0xc400'0002ULL, 0xc600'ff42ULL}) {
    CHECK(ask(id) == -1);
    call({id, 1, 2, 3});
    run<ExternalInterrupt>();
    CHECK(cpu().gprs[0] == ~0ULL);
    CHECK(cpu().gprs[1] == 1);
  }
  call({0x8400'0006, 0, 0, 0});
  run<ExternalInterrupt>();
  CHECK(cpu().gprs[0] == 2);  // MIGRATE_INFO_TYPE: nothing to migrate
}

TEST_CASE_FIXTURE(TrapFixture, "the calling convention's version and features") {
  call({0x8000'0000, 0, 0, 0});
  run<ExternalInterrupt>();
  CHECK(cpu().gprs[0] == 0x1'0001);
  const auto has = [&](std::uint64_t id) {
    call({0x8000'0001, id, 0, 0});
    run<ExternalInterrupt>();
    return cpu().gprs[0] == 0;
  };
  CHECK(has(0x8000'0000));
  CHECK(has(0x8000'0001));
  CHECK_FALSE(has(0x8000'8000));  // ARCH_WORKAROUND_1
  CHECK_FALSE(has(0x8400'0000));
}

TEST_CASE_FIXTURE(TrapFixture, "CPU_SUSPEND in standby waits and goes on behind the call") {
  call({0xc400'0001, 0, 0, 0});
  run<Halt>();
  CHECK(cpu().gprs[0] == 0);
  CHECK(pc() == kEntry);
  cpu().gprs[19] = 19;
  run<ExternalInterrupt>();
  CHECK(cpu().gprs[19] == 19);
}

TEST_CASE_FIXTURE(TrapFixture, "CPU_SUSPEND into power-down comes back at its entry point") {
  for (const std::array<std::uint64_t, 4> x :
       {std::array<std::uint64_t, 4>{0xc400'0001, 1 << 16, kEntry + 0x40, 7},
        {0xc400'000c, kEntry + 0x40, 7, 0},
        {0xc400'000e, kEntry + 0x40, 7, 0}}) {
    cpu().gprs[19] = 19;
    cpu().set(SysReg::SCTLR_EL1, 1);
    cpu().set(SysReg::CNTV_CVAL_EL0, 12345);
    cpu().set(SysReg::CNTV_CTL_EL0, 1);
    call(x);
    run<Halt>();
    CHECK((*vm)->vcpu_status(VcpuId(0))->power == PowerState::On);
    run<ExternalInterrupt>();
    CHECK(pc() == kEntry + 0x40);
    CHECK(cpu().gprs[0] == 7);
    CHECK(cpu().gprs[19] == 0);
    CHECK(cpu().get(SysReg::SPSR_EL2) == 0x3c5);
    CHECK((cpu().get(SysReg::SCTLR_EL1) & 1) == 0);
    CHECK(cpu().get(SysReg::CNTV_CVAL_EL0) == 12345);
    CHECK(cpu().get(SysReg::CNTV_CTL_EL0) == 1);
  }
}

TEST_CASE_FIXTURE(TrapFixture, "suspending refuses bad states and entry points") {
  const auto result = [&](std::array<std::uint64_t, 4> x) {
    call(x);
    run<ExternalInterrupt>();
    return static_cast<std::int64_t>(cpu().gprs[0]);
  };
  CHECK(result({0xc400'0001, 1 << 20, 0, 0}) == -2);
  CHECK(result({0xc400'0001, 1ULL << 32, 0, 0}) == -2);
  CHECK(result({0xc400'0001, 1 << 16, kUart, 0}) == -9);
  CHECK(result({0xc400'000c, kEntry + 1, 0, 0}) == -9);
  CHECK(result({0xc400'000e, kUart, 0, 0}) == -9);
  call({0xc400'0003, 0x100, kEntry, 0});
  run<CpuUp>();
  CHECK(result({0xc400'000e, kEntry, 0, 0}) == -3);  // another vCPU is on
}

TEST_CASE_FIXTURE(TrapFixture, "CPU_OFF stops a vCPU until CPU_ON starts it afresh") {
  call({0xc400'0003, 0x100, kEntry, 0});
  run<CpuUp>();
  call({0x8400'0002, 0, 0, 0});
  run<CpuDown>(1);
  CHECK((*vm)->vcpu_status(VcpuId(1))->power == PowerState::Off);
  CHECK((*vm)->run_vcpu(VcpuId(1)).error().kind == ErrorKind::BadState);
  call({0xc400'0003, 0x100, kEntry + 0x80, 1});
  run<CpuUp>();
  run<ExternalInterrupt>(1);
  CHECK(pc() == kEntry + 0x80);
}

TEST_CASE_FIXTURE(TrapFixture, "SYSTEM_OFF and SYSTEM_RESET end the VM") {
  call({0x8400'0008, 0, 0, 0});
  CHECK_FALSE(run<SystemDown>().reset);
  CHECK((*vm)->shutting_down());
  CHECK((*vm)->run_vcpu(VcpuId(0)).error().kind == ErrorKind::BadState);
  TrapFixture other;
  other.call({0x8400'0009, 0, 0, 0}, 0x17);
  CHECK(other.run<SystemDown>().reset);
  TrapFixture third;
  third.call({0xc400'0012, 0x8000'0000, 0, 0});  // SYSTEM_RESET2 of a vendor's kind
  third.run<ExternalInterrupt>();
  CHECK(static_cast<std::int64_t>(third.cpu().gprs[0]) == -2);
  third.call({0xc400'0012, 0, 0, 0});
  CHECK(third.run<SystemDown>().reset);
}
