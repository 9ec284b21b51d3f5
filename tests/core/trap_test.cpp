#include <doctest/doctest.h>
#include <tests/core/trap_fixture.hpp>

using namespace axvm;
using namespace axvm::test;
using namespace axvm::exit_reason;

namespace {

constexpr std::uint64_t kTranslation3 = 0b000111;

/// ESR_EL2 of a data abort with a valid syndrome.
constexpr std::uint64_t load(unsigned sas, unsigned rt, bool sse = false, bool sf = false) {
  return (0x24ULL << 26) | kIl | (1ULL << 24) | (std::uint64_t{sas} << 22) |
         (std::uint64_t{sse} << 21) | (std::uint64_t{rt} << 16) | (std::uint64_t{sf} << 15) |
         kTranslation3;
}
constexpr std::uint64_t store(unsigned sas, unsigned rt) {
  return load(sas, rt, false, sas == 3) | (1 << 6);
}
constexpr std::uint64_t sysreg(unsigned op0, unsigned op1, unsigned crn, unsigned crm, unsigned op2,
                               unsigned rt, bool read) {
  return (0x18ULL << 26) | kIl | (op0 << 20) | (op2 << 17) | (op1 << 14) | (crn << 10) | (rt << 5) |
         (crm << 1) | (read ? 1 : 0);
}

}  // namespace

TEST_CASE_FIXTURE(TrapFixture, "a store to the console writes a byte and goes on behind it") {
  for (unsigned n = 0; n < 31; ++n) cpu().gprs[n] = 1000 + n;
  cpu().gprs[3] = 0x1234'5600 | 'A';
  const auto registers = cpu().gprs;
  trap(store(0, 3), 0xffff'0000'0000'0000 | kUart, kUart);
  run<ExternalInterrupt>();
  CHECK(hal.output == "A");
  CHECK(pc() == kEntry + 4);
  const auto traps = hal.events_of<TrapTaken>();
  REQUIRE(traps.size() == 2);  // and the interrupt that ended the run
  CHECK(traps[0] == TrapTaken{VmId(5), VcpuId(0), 0, store(0, 3), 0xffff'0000'0000'0000 | kUart,
                              kUart >> 8, kEntry, 0x3c5, 0, registers});
  CHECK(traps[1] == TrapTaken{VmId(5), VcpuId(0), 1, 0, 0, 0, kEntry + 4, 0x3c5, 0, registers});
  CHECK(hal.events_of<DeviceAccess>() ==
        std::vector{DeviceAccess{VmId(5), VcpuId(0), Bus::Mmio, true, 1, kUart, 'A', "uart"}});
}

TEST_CASE_FIXTURE(TrapFixture, "loads have the instruction's width, sign and register") {
  cpu().gprs.fill(~0ULL);
  hal.input = "\xf0";
  const struct {
    std::uint64_t esr;
    std::uint64_t offset;
    unsigned reg;
    std::uint64_t value;
  } loads[] = {
      {load(2, 1), 0x18, 1, 0xc0},                               // LDR W: FR, one byte waits
      {load(0, 2, true, true), 0x00, 2, 0xffff'ffff'ffff'fff0},  // LDRSB X
      {load(1, 3, false, false), 0xff0, 3, 0x0d},                // LDRH W
  };
  for (const auto& l : loads) {
    trap(l.esr, l.offset, kUart);
    run<ExternalInterrupt>();
    CHECK(cpu().gprs[l.reg] == l.value);
  }
  trap(load(0, 31), 0x18, kUart);  // XZR
  run<ExternalInterrupt>();
  CHECK(pc() == kEntry + 16);
  CHECK(cpu().gprs[30] == ~0ULL);
}

TEST_CASE_FIXTURE(TrapFixture, "devices are little-endian, whatever order the guest's data has") {
  constexpr std::uint64_t kE0e = 1ULL << 24, kEe = 1ULL << 25, kEl0 = 0, kEl1 = 0x3c5;
  const struct {
    std::uint64_t sctlr;
    std::uint64_t spsr;
    bool swaps;
  } modes[] = {{0, kEl1, false},   {kEe, kEl1, true},  {kE0e, kEl1, false},
               {kE0e, kEl0, true}, {kEe, kEl0, false}, {kEe | kE0e, kEl0, true}};
  for (const auto& mode : modes) {
    hal.events.clear();
    hal.output.clear();
    cpu().set(SysReg::SCTLR_EL1, mode.sctlr);
    cpu().set(SysReg::SPSR_EL2, mode.spsr);
    cpu().gprs[1] = 0x1122'3344'5566'7788;
    for (const unsigned sas : {0U, 1U, 2U}) trap(store(sas, 1), kUart + 0x24, kUart);
    trap(load(1, 2), kUart + 0xff0, kUart);             // LDRH: the first ID byte, 0x0d
    trap(load(1, 3, true, true), kUart + 0x18, kUart);  // LDRSH X: FR, 0x90
    run<ExternalInterrupt>();
    const auto accesses = hal.events_of<DeviceAccess>();
    REQUIRE(accesses.size() == 5);
    CHECK(accesses[0].data == 0x88);
    CHECK(accesses[1].data == (mode.swaps ? 0x8877 : 0x7788));
    CHECK(accesses[2].data == (mode.swaps ? 0x8877'6655 : 0x5566'7788));
    CHECK(accesses[3].data == 0x0d);
    CHECK(cpu().gprs[2] == (mode.swaps ? 0x0d00 : 0x0d));
    CHECK(accesses[4].data == 0x90);
    CHECK(cpu().gprs[3] == (mode.swaps ? 0xffff'ffff'ffff'9000 : 0x90));
  }
}

TEST_CASE_FIXTURE(TrapFixture, "XZR stores zero") {
  trap(store(2, 31), 0x24, kUart);
  run<ExternalInterrupt>();
  CHECK(hal.events_of<DeviceAccess>().at(0).data == 0);
}

TEST_CASE_FIXTURE(TrapFixture, "touching lazy memory maps it, and the access is repeated") {
  const std::uint64_t va = 0xffff'0000'0000'3abc, ipa = kGuestRam + 0x3000;
  trap((0x24ULL << 26) | kIl | (1 << 6) | kTranslation3, va, ipa);
  run<ExternalInterrupt>();
  CHECK(pc() == kEntry);
  const auto mapped = hal.events_of<PageMapped>();
  REQUIRE(mapped.size() == 1);
  CHECK(mapped[0].gpa == GuestPhysAddr(ipa));
  CHECK((*vm)->translate(GuestPhysAddr(ipa + 0xabc)) == mapped[0].hpa + 0xabc);
  trap((0x20ULL << 26) | kIl | kTranslation3, kEntry, kEntry);
  run<ExternalInterrupt>();
  CHECK(hal.events_of<PageMapped>().at(1).gpa == GuestPhysAddr(kEntry));
}

TEST_CASE_FIXTURE(TrapFixture,
                  "what stage 2 maps is told after traps, when asked for and changed") {
  const auto touch = [this](std::uint64_t ipa) {
    trap((0x24ULL << 26) | kIl | (1 << 6) | kTranslation3, ipa, ipa);
    run<ExternalInterrupt>();
  };
  touch(kGuestRam);
  CHECK(hal.events_of<TablesChanged>().empty());
  hal.shows_tables = true;
  touch(kGuestRam + 0x1000);
  // As the trap found it, before the page was mapped because of it.
  REQUIRE(hal.events_of<TablesChanged>().size() == 1);
  CHECK(hal.events_of<TablesChanged>()[0].mapped == kPageSize);
  touch(kGuestRam + 0x1000);
  touch(kGuestRam + 0x1000);
  const auto told = hal.events_of<TablesChanged>();
  REQUIRE(told.size() == 2);
  CHECK(told[1].mapped == 2 * kPageSize);
  CHECK(told[1].runs == 1);
  CHECK(told[1].hash != told[0].hash);
  // Not behind WFI: whether there is anything to wait for depends on time.
  touch(kGuestRam + 0x2000);
  trap((0x01ULL << 26) | kIl);
  run<Halt>();
  CHECK(hal.events_of<TablesChanged>().size() == 2);
  touch(kGuestRam + 0x2000);
  CHECK(hal.events_of<TablesChanged>().size() == 3);
}

TEST_CASE_FIXTURE(TrapFixture, "a stage-1 table walk through lazy memory maps the table") {
  trap((0x24ULL << 26) | kIl | (1 << 7) | (1 << 6) | kTranslation3, 0x123, kGuestRam + 0x5000);
  run<ExternalInterrupt>();
  CHECK(hal.events_of<PageMapped>().at(0).gpa == GuestPhysAddr(kGuestRam + 0x5000));
}

TEST_CASE_FIXTURE(TrapFixture, "lazy memory that cannot be backed is an error of run_vcpu") {
  hal.budget = 0;
  trap((0x24ULL << 26) | kIl | kTranslation3, 0, kGuestRam);
  CHECK((*vm)->run_vcpu(VcpuId(0)).error().kind == ErrorKind::NoMemory);
  CHECK((*vm)->vcpu_status(VcpuId(0))->state == VCpuState::Free);
  CHECK(pc() == kEntry);
  hal.budget.reset();
  trap((0x24ULL << 26) | kIl | kTranslation3, 0, kGuestRam);
  run<ExternalInterrupt>();
  CHECK(hal.events_of<PageMapped>().size() == 1);
}

TEST_CASE_FIXTURE(TrapFixture, "nothing at the address: an external abort for the guest") {
  trap(store(2, 1), 0x7000'0123, 0x7000'0000);
  run<ExternalInterrupt>();
  check_injected(0x9600'0050, kEntry);
  CHECK(cpu().get(SysReg::FAR_EL1) == 0x7000'0123);
}

TEST_CASE_FIXTURE(TrapFixture, "executing what is not memory: an instruction abort for the guest") {
  trap((0x20ULL << 26) | kIl | kTranslation3, kUart, kUart);
  run<ExternalInterrupt>();
  check_injected(0x8600'0010, kEntry);
}

TEST_CASE_FIXTURE(TrapFixture, "a permission fault reports no guest-physical address") {
  trap((0x24ULL << 26) | kIl | 0b001111, 0x1234, 0x5555'5000);
  run<ExternalInterrupt>();
  CHECK(hal.events_of<TrapTaken>().at(0).fault_gpa == 0);
  CHECK(hal.events_of<TrapTaken>().at(0).fault_address == 0x1234);
  check_injected(0x9600'0010, kEntry);
}

TEST_CASE_FIXTURE(TrapFixture, "stage 1 says where a permission fault was") {
  // What HPFAR_EL2 holds is of no account: the address is kGuestRam by stage 1.
  cpu().stage1 = [](std::uint64_t va, unsigned, bool) { return kGuestRam | (va & 0xf000); };
  cpu().set(SysReg::PAR_EL1, 0x77);
  trap((0x24ULL << 26) | kIl | (1 << 6) | 0b001111, 0xffff'8000'0000'2abc, 0x5555'5000);
  run<ExternalInterrupt>();
  CHECK(hal.events_of<PageMapped>().at(0).gpa == GuestPhysAddr(kGuestRam + 0x2000));
  CHECK(cpu().get(SysReg::PAR_EL1) == 0x77);
  CHECK(pc() == kEntry);
}

TEST_CASE_FIXTURE(TrapFixture, "a walk that may read but not write its table aborts the access") {
  memory.push_back({GuestPhysAddr(0x5000'0000), 0x1000, MappingFlags::Read});
  config.id = 6;
  start();
  run<ExternalInterrupt>();
  hal.events.clear();
  cpu().set(SysReg::VBAR_EL1, kVectors);
  cpu().set(SysReg::TCR_EL1, 25);  // 39 bits: the walk begins at level 1
  cpu().set(SysReg::TTBR0_EL1, 0x5000'0000);
  trap((0x24ULL << 26) | kIl | (1 << 7) | 0b001111, 0x4000'1234, 0x5000'0000);
  run<ExternalInterrupt>();
  CHECK(cpu().get(SysReg::ESR_EL1) == 0x9600'0015);  // external abort on a walk, level 1
  CHECK(cpu().get(SysReg::FAR_EL1) == 0x4000'1234);
}

TEST_CASE_FIXTURE(TrapFixture, "a table that is not memory aborts the access at its level") {
  // Level 0 at kGuestRam leads to level 1 in nowhere.
  const std::uint64_t table = 0x7000'0000 | 3;
  REQUIRE((*vm)->write_to_guest(GuestPhysAddr(kGuestRam + 8), std::as_bytes(std::span(&table, 1))));
  cpu().set(SysReg::TCR_EL1, 16);  // 48 bits
  cpu().set(SysReg::TTBR0_EL1, kGuestRam);
  trap((0x24ULL << 26) | kIl | (1 << 7) | (1 << 6) | kTranslation3, 0x80'0000'0000, 0x7000'0000);
  run<ExternalInterrupt>();
  check_injected(0x9600'0055, kEntry);
  cpu().set(SysReg::ELR_EL2, kEntry);
  hal.events.clear();
  trap((0x20ULL << 26) | kIl | (1 << 7) | kTranslation3, 0x80'0000'0000, 0x7000'0000);
  run<ExternalInterrupt>();
  check_injected(0x8600'0015, kEntry);
}

TEST_CASE_FIXTURE(TrapFixture,
                  "an address translation that aborts says so, as cache maintenance does") {
  trap((0x24ULL << 26) | kIl | (1 << 8) | (1 << 7) | (1 << 6) | kTranslation3, 0x1000, 0x7000'0000);
  run<ExternalInterrupt>();
  check_injected(0x9600'0157, kEntry);
}

TEST_CASE_FIXTURE(TrapFixture, "what failed on the bus the guest is told as it was") {
  const struct {
    std::uint64_t status, far_valid, injected;
  } faults[] = {{0b010000, 1, 0x9600'0010},          {0b010000 | 1 << 10, 0, 0x9600'0410},
                {0b010000 | 1 << 9, 1, 0x9600'0210}, {0b010111, 1, 0x9600'0017},
                {0b100001, 1, 0x9600'0021},          {0b110101, 1, 0x9600'0035}};
  for (const auto& fault : faults) {
    hal.events.clear();
    cpu().set(SysReg::ELR_EL2, kEntry);
    cpu().set(SysReg::FAR_EL1, 0x99);
    trap((0x24ULL << 26) | kIl | fault.status, 0x1234);
    run<ExternalInterrupt>();
    check_injected(fault.injected, kEntry);
    CHECK(cpu().get(SysReg::FAR_EL1) == (fault.far_valid != 0 ? 0x1234 : 0x99));
  }
}

TEST_CASE_FIXTURE(TrapFixture,
                  "a TLB conflict is resolved by invalidating, and the access repeated") {
  cpu().maintenance.clear();
  trap((0x24ULL << 26) | kIl | 0b110000, 0x1234);
  trap((0x20ULL << 26) | kIl | 0b110000, kEntry);
  run<ExternalInterrupt>();
  CHECK(cpu().maintenance == std::vector<std::string>{"vmalls12e1is@5", "vmalls12e1is@5"});
  CHECK(pc() == kEntry);
  CHECK(hal.events_of<ExceptionInjected>().empty());
}

TEST_CASE_FIXTURE(TrapFixture, "cache maintenance on what is not memory does nothing") {
  for (const std::uint64_t ipa : {kUart, std::uint64_t{0x7000'0000}}) {
    trap((0x24ULL << 26) | kIl | (1 << 8) | (1 << 6) | kTranslation3, ipa, ipa);
  }
  run<ExternalInterrupt>();
  CHECK(pc() == kEntry + 8);
  CHECK(hal.events_of<ExceptionInjected>().empty());
}

TEST_CASE_FIXTURE(TrapFixture, "a guest whose vector itself aborts is given up, not repeated") {
  for (int i = 0; i < 2; ++i) trap((0x20ULL << 26) | kIl | kTranslation3, 0, 0);
  const auto fault = run<GuestFault>();
  CHECK(fault.syndrome == ((0x20ULL << 26) | kIl | kTranslation3));
  CHECK(cpu().get(SysReg::ELR_EL1) == kEntry);
}

TEST_CASE_FIXTURE(TrapFixture, "an exception from EL0 enters the lower-level vector") {
  cpu().set(SysReg::SPSR_EL2, 0x6000'0000);
  trap(sysreg(3, 3, 14, 2, 1, 0, true));
  run<ExternalInterrupt>();
  CHECK(pc() == kVectors + 0x400);
  CHECK(cpu().get(SysReg::SPSR_EL1) == 0x6000'0000);
  CHECK(cpu().get(SysReg::SPSR_EL2) == 0x6000'03c5);
}

TEST_CASE_FIXTURE(TrapFixture, "feature registers are the hardware's, cut down") {
  trap(sysreg(3, 0, 0, 4, 0, 9, true));
  trap(sysreg(3, 0, 0, 7, 0, 10, true));
  trap(sysreg(3, 0, 0, 7, 7, 11, true));  // unallocated: zero
  cpu().gprs[11] = 1;
  run<ExternalInterrupt>();
  CHECK(cpu().gprs[9] == 0x1100'0000'0011'0011);
  CHECK(cpu().gprs[10] == 0x0f00'1024);  // no big-endian data, no 64 KiB granule
  CHECK(cpu().gprs[11] == 0);
  CHECK(pc() == kEntry + 12);
  const auto accesses = hal.events_of<DeviceAccess>();
  REQUIRE(accesses.size() == 3);
  CHECK(accesses[1] == DeviceAccess{VmId(5), VcpuId(0), Bus::SysReg, false, 8,
                                    aarch64::sysreg_encoding(3, 0, 0, 7, 0), 0x0f00'1024, ""});
}

TEST_CASE_FIXTURE(TrapFixture, "debug, PMU and ACTLR read as zero and ignore writes") {
  cpu().gprs[1] = 77;
  trap(sysreg(2, 0, 0, 2, 2, 1, false));
  trap(sysreg(3, 3, 9, 12, 0, 1, true));
  run<ExternalInterrupt>();
  CHECK(cpu().gprs[1] == 0);
  CHECK(pc() == kEntry + 8);
}

TEST_CASE_FIXTURE(TrapFixture, "unknown registers and instructions are undefined for the guest") {
  trap(sysreg(3, 0, 12, 12, 7, 0, true));  // ICC_IGRPEN1_EL1
  run<ExternalInterrupt>();
  check_injected(kIl, kEntry);
  cpu().set(SysReg::ELR_EL2, kEntry);
  hal.events.clear();
  trap(0x19ULL << 26);  // SVE
  run<ExternalInterrupt>();
  check_injected(kIl, kEntry);
}

TEST_CASE_FIXTURE(TrapFixture, "exceptions of the guest's own are passed on to it") {
  const struct {
    std::uint64_t ec, at_el1;
    bool has_far;
  } classes[] = {{0x0d, 0x0d, false}, {0x0e, 0x0e, false}, {0x15, 0x15, false},
                 {0x1c, 0x1c, false}, {0x22, 0x22, true},  {0x26, 0x26, false},
                 {0x27, 0x27, false}, {0x2c, 0x2c, false}, {0x30, 0x31, false},
                 {0x32, 0x33, false}, {0x34, 0x35, true},  {0x3c, 0x3c, false}};
  for (const auto& c : classes) {
    hal.events.clear();
    cpu().set(SysReg::ELR_EL2, kEntry);
    cpu().set(SysReg::FAR_EL1, 0x99);
    trap((c.ec << 26) | kIl | 0x1234, 0x4321);
    run<ExternalInterrupt>();
    check_injected((c.at_el1 << 26) | kIl | 0x1234, kEntry);
    CHECK(cpu().get(SysReg::FAR_EL1) == (c.has_far ? 0x4321 : 0x99));
  }
  // From EL0 the level is lower for EL1, too.
  cpu().set(SysReg::SPSR_EL2, 0);
  trap((0x30ULL << 26) | kIl | 0x22);
  run<ExternalInterrupt>();
  CHECK(cpu().get(SysReg::ESR_EL1) == ((0x30ULL << 26) | kIl | 0x22));
}

TEST_CASE_FIXTURE(TrapFixture, "what guests do not have is undefined, whichever trap says so") {
  for (const std::uint64_t ec : {0x00U, 0x03U, 0x07U, 0x09U, 0x0aU, 0x19U, 0x1aU, 0x1dU, 0x3fU}) {
    hal.events.clear();
    cpu().set(SysReg::ELR_EL2, kEntry);
    trap((ec << 26) | kIl | 0x1234);
    run<ExternalInterrupt>();
    check_injected(kIl, kEntry);
  }
}

TEST_CASE_FIXTURE(TrapFixture, "a fault in a fault handler nests as on hardware") {
  trap(store(2, 1), 0x7000'0123, 0x7000'0000);
  cpu().script.push_back([](FakeCpu& c) {  // the handler's second instruction faults, too
    c.set(SysReg::ELR_EL2, kVectors + 0x204);
    c.set(SysReg::SPSR_EL2, 0x8000'03c5);
    c.set(SysReg::ESR_EL2, store(2, 1));
    c.set(SysReg::FAR_EL2, 0x7000'0456);
    return Vector::Synchronous;
  });
  run<ExternalInterrupt>();
  CHECK(pc() == kVectors + 0x200);
  CHECK(cpu().get(SysReg::ELR_EL1) == kVectors + 0x204);
  CHECK(cpu().get(SysReg::SPSR_EL1) == 0x8000'03c5);
  CHECK(cpu().get(SysReg::FAR_EL1) == 0x7000'0456);
}

TEST_CASE_FIXTURE(TrapFixture, "an SError while the guest runs is returned with its syndrome") {
  cpu().script.push_back([](FakeCpu& c) {
    c.set(SysReg::ESR_EL2, (0x2fULL << 26) | kIl | 0x11);
    return Vector::SError;
  });
  CHECK(run<GuestFault>().syndrome == ((0x2fULL << 26) | kIl | 0x11));
}

TEST_CASE_FIXTURE(TrapFixture, "WFI halts, WFE yields, and both are behind the guest then") {
  trap((0x01ULL << 26) | kIl | 0);
  run<Halt>();
  CHECK(pc() == kEntry + 4);
  trap((0x01ULL << 26) | kIl | 1);
  run<Yield>();
  CHECK(pc() == kEntry + 8);
}

TEST_CASE_FIXTURE(TrapFixture, "physical interrupts carry the controller's number") {
  hal.pending_irq = 40;
  CHECK(run<ExternalInterrupt>().id == 40);
  cpu().script.push_back([](FakeCpu&) { return Vector::SError; });
  run<GuestFault>();
}

TEST_CASE_FIXTURE(TrapFixture, "nobody listens: no event is made, and everything works") {
  hal.listening = false;
  cpu().gprs[3] = 'q';
  trap(store(0, 3), kUart, kUart);
  call({0x8400'0000, 0, 0, 0});
  const unsigned reads = cpu().reads;
  run<ExternalInterrupt>();
  CHECK(hal.events.empty());
  CHECK(hal.output == "q");
  CHECK(cpu().reads - reads == 5);  // ESR, FAR, HPFAR, ELR of the store; ESR of the call
}
