#include <doctest/doctest.h>
#include <tests/core/arch/riscv64/vm_fixture.hpp>

using namespace axvm;
using namespace axvm::test;
using namespace axvm::exit_reason;
using namespace axvm::riscv64;

namespace {

// Transformed instructions, as htinst has them: no offset, no base.
constexpr std::uint64_t kSb = 0x0030'0023;   // SB x3
constexpr std::uint64_t kLbu = 0x0000'4083;  // LBU x1
constexpr std::uint64_t kLb = 0x0000'0083;   // LB x1
constexpr std::uint64_t kCompressed = 2;     // clear in htinst where the instruction was

}  // namespace

TEST_CASE_FIXTURE(RiscvTrapFixture, "a store to the console writes a byte and goes on behind it") {
  for (unsigned n = 1; n < 32; ++n) hart().gprs[n] = 1000 + n;
  hart().gprs[3] = 0x1234'5600 | 'A';
  std::array<std::uint64_t, 31> registers{};
  for (unsigned n = 0; n < 31; ++n) registers[n] = hart().gprs[n + 1];
  trap(ExceptionCause::StoreGuestPage, 0xffff'ffc0'0000'0000, kUart, kSb);
  run<ExternalInterrupt>();
  CHECK(hal.output == "A");
  CHECK(pc() == kEntry + 4);
  const auto traps = hal.events_of<TrapTaken>();
  REQUIRE(traps.size() == 2);  // and the interrupt that ended the run
  CHECK(traps[0] == TrapTaken{VmId(5), VcpuId(0), 0, 23, 0xffff'ffc0'0000'0000, kUart >> 2, kEntry,
                              kGuestHstatus | hstatus::kSpvp, kSb, registers});
  CHECK(traps[1].syndrome == FakeHart::kTimerInterrupt);
  CHECK(hal.events_of<DeviceAccess>() ==
        std::vector{DeviceAccess{VmId(5), VcpuId(0), Bus::Mmio, true, 1, kUart, 'A', "uart"}});
}

TEST_CASE_FIXTURE(RiscvTrapFixture, "loads have the instruction's width, sign and length") {
  hal.input = "\xf0\xf1";
  trap(ExceptionCause::LoadGuestPage, 0, kUart, kLb);
  trap(ExceptionCause::LoadGuestPage, 0, kUart, kLbu & ~kCompressed);
  run<ExternalInterrupt>();
  CHECK(hart().gprs[1] == 0xf1);
  CHECK(pc() == kEntry + 6);
  hal.input = "\xf0";
  trap(ExceptionCause::LoadGuestPage, 0, kUart, kLb);
  run<ExternalInterrupt>();
  CHECK(hart().gprs[1] == 0xffff'ffff'ffff'fff0);
}

TEST_CASE_FIXTURE(RiscvTrapFixture, "without htinst the instruction is fetched and decoded") {
  hart().gprs[8] = 0x1000;
  hart().gprs[9] = 'B';
  const std::uint16_t c_sw = 0xc004;  // C.SW x9, 0(x8)
  hart().memory[kEntry] = c_sw & 0xff;
  hart().memory[kEntry + 1] = c_sw >> 8;
  trap(ExceptionCause::StoreGuestPage, 0x1000, kUart);
  run<ExternalInterrupt>();
  CHECK(hal.output == "B");
  CHECK(pc() == kEntry + 2);
}

TEST_CASE_FIXTURE(RiscvTrapFixture, "touching lazy memory maps it, and the access is repeated") {
  trap(ExceptionCause::StoreGuestPage, 0xffff'ffc0'0000'3abc, kGuestRam + 0x3abc, kSb);
  run<ExternalInterrupt>();
  CHECK(pc() == kEntry);
  const auto mapped = hal.events_of<PageMapped>();
  REQUIRE(mapped.size() == 1);
  CHECK(mapped[0].gpa == GuestPhysAddr(kGuestRam + 0x3000));
  CHECK((*vm)->translate(GuestPhysAddr(kGuestRam + 0x3abc)) == mapped[0].hpa + 0xabc);
  // A hart that goes on faulting is made to forget that there was nothing.
  CHECK(hart().forgotten.empty());
  trap(ExceptionCause::StoreGuestPage, 0xffff'ffc0'0000'3abc, kGuestRam + 0x3abc, kSb);
  run<ExternalInterrupt>();
  CHECK(hart().forgotten.contains(kGuestRam + 0x3abc));
  CHECK(hal.events_of<PageMapped>().size() == 1);
}

TEST_CASE_FIXTURE(RiscvTrapFixture, "a VS-stage walk through lazy memory maps the table") {
  trap(ExceptionCause::InstructionGuestPage, 0x123, kGuestRam + 0x5008, 0x3000);
  run<ExternalInterrupt>();
  CHECK(hal.events_of<PageMapped>().at(0).gpa == GuestPhysAddr(kGuestRam + 0x5000));
  CHECK(hal.events_of<TrapTaken>().at(0).fault_address == 0x123);
  CHECK(hal.events_of<TrapTaken>().at(0).instruction == 0x3000);
}

TEST_CASE_FIXTURE(RiscvTrapFixture, "lazy memory that cannot be backed is an error of run_vcpu") {
  hal.budget = 0;
  trap(ExceptionCause::LoadGuestPage, 0, kGuestRam, kLb);
  CHECK((*vm)->run_vcpu(VcpuId(0)).error().kind == ErrorKind::NoMemory);
  CHECK(pc() == kEntry);
}

TEST_CASE_FIXTURE(RiscvTrapFixture, "nothing at the address: an access fault for the guest") {
  const struct {
    ExceptionCause trap, injected;
    std::uint64_t gpa, htinst;
  } faults[] = {
      {ExceptionCause::LoadGuestPage, ExceptionCause::LoadAccess, 0x7000'0001, kLb},
      {ExceptionCause::StoreGuestPage, ExceptionCause::StoreAccess, 0x7000'0001, kSb},
      {ExceptionCause::InstructionGuestPage, ExceptionCause::InstructionAccess, 0x7000'0000, 0},
      {ExceptionCause::InstructionGuestPage, ExceptionCause::InstructionAccess, kUart, 0},
      // The walk's table, or a device as one: the access itself is what fails.
      {ExceptionCause::LoadGuestPage, ExceptionCause::LoadAccess, 0x7000'0008, 0x3000},
      {ExceptionCause::StoreGuestPage, ExceptionCause::StoreAccess, kUart, 0x3020},
  };
  for (const auto& fault : faults) {
    hal.events.clear();
    hart().set(Csr::sepc, kEntry);
    trap(fault.trap, 0xffff'f001, fault.gpa, fault.htinst);
    run<ExternalInterrupt>();
    check_injected(fault.injected, 0xffff'f001, kEntry);
  }
}

TEST_CASE_FIXTURE(RiscvTrapFixture, "an exception switches to VS-mode and remembers what was") {
  const struct {
    std::uint64_t vsstatus, sstatus, after;
  } modes[] = {
      {status::kSie, status::kSpp, status::kSpie | status::kSpp},
      {status::kSie | status::kSpp, 0, status::kSpie},
      {status::kSpie | 3ULL << 13, status::kSpp, 3ULL << 13 | status::kSpp},
  };
  for (const auto& mode : modes) {
    hart().set(Csr::sepc, kEntry);
    hart().set(Csr::vsstatus, mode.vsstatus);
    hart().set(Csr::sstatus, mode.sstatus | 2ULL << 13);
    trap(ExceptionCause::LoadGuestPage, 0x10, 0x7000'0000, kLb);
    run<ExternalInterrupt>();
    CHECK(hart().get(Csr::vsstatus) == mode.after);
    CHECK(hart().get(Csr::sstatus) == (status::kSpp | 2ULL << 13));
  }
}

TEST_CASE_FIXTURE(RiscvTrapFixture, "atomic accesses of devices fault, cache maintenance is over") {
  trap(ExceptionCause::StoreGuestPage, kUart, kUart, 0x0220'202f);  // AMOADD.W
  run<ExternalInterrupt>();
  check_injected(ExceptionCause::StoreAccess, kUart, kEntry);
  hart().set(Csr::sepc, kEntry);
  hal.events.clear();
  trap(ExceptionCause::StoreGuestPage, kUart, kUart, 0x0010'200f);  // CBO.CLEAN
  run<ExternalInterrupt>();
  CHECK(pc() == kEntry + 4);
  trap(ExceptionCause::StoreGuestPage, kUart, kUart, 0x0040'200f);  // CBO.ZERO
  run<ExternalInterrupt>();
  check_injected(ExceptionCause::StoreAccess, kUart, kEntry + 4);
}

TEST_CASE_FIXTURE(RiscvTrapFixture, "what cannot be decoded is tried again once, then faults") {
  trap(ExceptionCause::LoadGuestPage, kUart, kUart);  // memory at sepc is all zeroes
  run<ExternalInterrupt>();
  CHECK(pc() == kEntry);
  CHECK(hal.events_of<ExceptionInjected>().empty());
  trap(ExceptionCause::LoadGuestPage, kUart, kUart);
  trap(ExceptionCause::LoadGuestPage, kUart, kUart);
  run<ExternalInterrupt>();
  check_injected(ExceptionCause::LoadAccess, kUart, kEntry);
}

TEST_CASE_FIXTURE(RiscvTrapFixture, "WFI halts, until the timer if that is enabled") {
  hart().set(Csr::vstimecmp, 1000);
  trap(ExceptionCause::VirtualInstruction, 0x1050'0073);
  CHECK_FALSE(run<Halt>().wake_time.has_value());
  CHECK(pc() == kEntry + 4);
  hart().set(Csr::vsie, interrupt::kSupervisorTimer);
  trap(ExceptionCause::VirtualInstruction, 0x1050'0073);
  CHECK(run<Halt>().wake_time == 100'000);
  hart().set(Csr::time, 1000);
  trap(ExceptionCause::VirtualInstruction, 0x1050'0073);
  run<ExternalInterrupt>();
  CHECK(pc() == kEntry + 12);
}

TEST_CASE_FIXTURE(RiscvTrapFixture, "WFI in VU-mode is illegal, WRS.NTO gives up the turn") {
  hart().set(Csr::sstatus, 0);
  trap(ExceptionCause::VirtualInstruction, 0x1050'0073);
  run<ExternalInterrupt>();
  check_injected(ExceptionCause::IllegalInstruction, 0x1050'0073, kEntry);
  hart().set(Csr::sepc, kEntry);
  trap(ExceptionCause::VirtualInstruction, 0x00d0'0073);
  run<Yield>();
  CHECK(pc() == kEntry + 4);
}

TEST_CASE_FIXTURE(RiscvTrapFixture, "what guests do not have is an illegal instruction") {
  const std::uint32_t csrr_hstatus = 0x6000'2573;
  trap(ExceptionCause::VirtualInstruction, csrr_hstatus);
  run<ExternalInterrupt>();
  check_injected(ExceptionCause::IllegalInstruction, csrr_hstatus, kEntry);
  // Where stval does not say which, it is fetched.
  hart().set(Csr::sepc, kEntry);
  hal.events.clear();
  for (unsigned n = 0; n < 4; ++n) hart().memory[kEntry + n] = csrr_hstatus >> (8 * n) & 0xff;
  trap(ExceptionCause::VirtualInstruction);
  run<ExternalInterrupt>();
  check_injected(ExceptionCause::IllegalInstruction, csrr_hstatus, kEntry);
}

TEST_CASE_FIXTURE(RiscvTrapFixture, "exceptions of the guest's own are passed on to it") {
  for (const auto cause : {ExceptionCause::IllegalInstruction, ExceptionCause::Breakpoint,
                           ExceptionCause::LoadPage, ExceptionCause::UserCall}) {
    hal.events.clear();
    hart().set(Csr::sepc, kEntry);
    trap(cause, 0x4321);
    run<ExternalInterrupt>();
    check_injected(cause, 0x4321, kEntry);
  }
}

TEST_CASE_FIXTURE(RiscvTrapFixture, "a guest whose vector itself faults is given up") {
  trap(ExceptionCause::InstructionGuestPage, 0, 0);
  trap(ExceptionCause::InstructionGuestPage, kVectors, 0);
  const auto fault = run<GuestFault>();
  CHECK(fault.syndrome == static_cast<std::uint64_t>(ExceptionCause::InstructionGuestPage));
  CHECK(hart().get(Csr::vsepc) == kEntry);
  trap(ExceptionCause::HardwareError);
  CHECK(run<GuestFault>().syndrome == 19);
}

TEST_CASE_FIXTURE(RiscvTrapFixture, "physical interrupts carry the controller's number") {
  hal.pending_irq = 40;
  CHECK(run<ExternalInterrupt>().id == 40);
}
