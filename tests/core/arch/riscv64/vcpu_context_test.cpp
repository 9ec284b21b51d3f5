#include <algorithm>
#include <core/arch/riscv64/vcpu_context.hpp>
#include <tests/core/arch/riscv64/vm_fixture.hpp>

using namespace axvm;
using namespace axvm::riscv64;
using namespace axvm::test;
using axvm::exit_reason::ExternalInterrupt;

TEST_CASE_FIXTURE(RiscvFixture, "a hart begins as SBI says: its id in a0, the device tree in a1") {
  start();
  run<ExternalInterrupt>();
  CHECK(pc() == kEntry);
  CHECK(hart().gprs[10] == 0);
  CHECK(hart().gprs[11] == kDeviceTree);
  CHECK((hart().get(Csr::sstatus) & status::kSpp) != 0);
  CHECK(hart().get(Csr::hstatus) ==
        (hstatus::kVsxl64 | hstatus::kVtw | hstatus::kSpv | hstatus::kSpvp));
  CHECK(hart().get(Csr::vsstatus) == status::kUxl64);
  CHECK(hart().get(Csr::vsatp) == 0);
  CHECK(hart().get(Csr::vstimecmp) == ~0ULL);
  // As firmware leaves it: Linux sets it only if there are counters of other events.
  CHECK(hart().get(Csr::scounteren) == 7);
}

// What the hypervisor has of its own for guests (vs*), and what it lends them; vsip is an alias.
constexpr std::array kOfGuest{Csr::vsstatus, Csr::vsie,      Csr::vstvec,     Csr::vsscratch,
                              Csr::vsepc,    Csr::vscause,   Csr::vstval,     Csr::vsatp,
                              Csr::hvip,     Csr::vstimecmp, Csr::scounteren, Csr::senvcfg};

TEST_CASE("registers come back as they left, in whichever mode the guest was") {
  for (const bool supervisor : {true, false}) {
    VCpuContext context(3);
    FakeHart hart;
    context.load(hart, {0x1234});
    for (unsigned n = 1; n < 32; ++n) hart.gprs[n] = n * 3;
    for (unsigned n = 0; n < 32; ++n) hart.fprs[n] = n * 5;
    for (const Csr csr : kOfGuest) {
      hart.set(csr, 0x1'0000 + static_cast<std::uint64_t>(csr));
    }
    hart.set(Csr::fcsr, 0x1f);
    hart.set(Csr::sepc, 0x8000'1234);
    hart.set(Csr::sstatus, status::kFsDirty | (supervisor ? status::kSpp : 0));
    context.save(hart);
    CHECK(hart.get(Csr::hvip) == 0);  // nothing is pending for the next one
    CHECK(hart.get(Csr::vstimecmp) == kNoDeadline);

    FakeHart other;
    other.is_reserved = true;
    context.load(other, {0x5678});
    CHECK_FALSE(other.is_reserved);  // no SC of this guest's belongs to it
    CHECK(other.gprs == hart.gprs);
    CHECK(other.fprs == hart.fprs);
    for (const Csr csr : kOfGuest) {
      CHECK(other.get(csr) == 0x1'0000 + static_cast<std::uint64_t>(csr));
    }
    CHECK(other.get(Csr::fcsr) == 0x1f);
    CHECK(other.get(Csr::sepc) == 0x8000'1234);
    CHECK(other.get(Csr::hgatp) == 0x5678);
    CHECK((other.get(Csr::sstatus) & status::kSpp) == (supervisor ? status::kSpp : 0));
    CHECK((other.get(Csr::hstatus) & hstatus::kSpvp) == (supervisor ? hstatus::kSpvp : 0));
    CHECK((other.get(Csr::sstatus) & status::kFsMask) == status::kFsClean);
  }
}

TEST_CASE("floating-point registers that the guest has not touched are not saved") {
  VCpuContext context(0);
  FakeHart hart;
  context.load(hart, {});
  hart.float_accesses = 0;
  hart.fprs[1] = 77;  // but sstatus.FS is clean
  context.save(hart);
  CHECK(hart.float_accesses == 0);
  context.load(hart, {});
  CHECK(hart.fprs[1] == 0);
}

TEST_CASE("what wakes a suspended hart survives, the rest is as after a start") {
  VCpuContext context(7);
  FakeHart hart;
  context.load(hart, {});
  hart.set(Csr::vsie, 0x222);
  hart.set(Csr::vstimecmp, 1000);
  hart.set(Csr::hvip, interrupt::kVsSoftware);
  hart.set(Csr::vsatp, 8ULL << 60);
  hart.set(Csr::sstatus, 0);
  context.save(hart);
  context.wake_at(GuestPhysAddr(0x8000'0000), 42);
  context.load(hart, {});
  CHECK(hart.get(Csr::sepc) == 0x8000'0000);
  CHECK(hart.gprs[10] == 7);
  CHECK(hart.gprs[11] == 42);
  CHECK(hart.get(Csr::vsatp) == 0);
  CHECK(hart.get(Csr::vsie) == 0x222);
  CHECK(hart.get(Csr::vstimecmp) == 1000);
  CHECK(hart.get(Csr::hvip) == interrupt::kVsSoftware);
  CHECK((hart.get(Csr::sstatus) & status::kSpp) != 0);
}

TEST_CASE_FIXTURE(RiscvFixture, "a vCPU that comes from another hart finds nothing stale") {
  vcpus = {{0, 3}};
  start();
  hal.cpu(1);
  run<ExternalInterrupt>();
  const auto flushes = [this](std::size_t n) {
    const auto& log = hal.cpu(n).maintenance;
    return std::count(log.begin(), log.end(), "hfence.vvma@5");
  };
  CHECK(flushes(0) == 1);
  CHECK(hal.cpu(0).published_instructions == 1);
  REQUIRE((*vm)->unload_vcpu(VcpuId(0)).has_value());
  run<ExternalInterrupt>();
  CHECK(flushes(0) == 1);  // it was here last
  hal.here = 1;
  run<ExternalInterrupt>();
  CHECK(flushes(1) == 1);
  hal.here = 0;
  run<ExternalInterrupt>();
  CHECK(flushes(0) == 2);
  CHECK(hal.cpu(0).published_instructions == 2);
}
