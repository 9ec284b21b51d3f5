// Interrupts: who takes which, in which order and when; timers.

#include <doctest/doctest.h>

#include "guest_machine.hpp"

namespace axvm::sim::riscv64::test {
namespace {

constexpr std::uint64_t kCode = GuestMachine::kCode;
constexpr std::uint64_t kTop = 1ULL << 63;

/// A loop that counts in x5, with interrupts on; VS-mode's handler hands over.
struct Loop : GuestMachine {
  Loop() : GuestMachine({code::addi(5, 5, 1), code::jal(0, -4)}) {
    delegate();
    put(kVector, {code::kEcall});
    cpu().write(Csr::vsstatus, status::SIE);
    cpu().write(Csr::vsie, interrupt::SSI | interrupt::STI | interrupt::SEI);
  }
  /// The interrupt that VS-mode takes.
  std::uint64_t taken() {
    REQUIRE(cpu().enter_guest() == kEcallFromVs);
    REQUIRE(csr(Csr::sepc) == kVector);
    return csr(Csr::vscause);
  }
  void go_back() {
    cpu().write(Csr::sepc, csr(Csr::vsepc));
    cpu().write(Csr::vsstatus, status::SIE);
  }
};

TEST_CASE("VS-mode takes what is injected before its next instruction, external first") {
  Loop m;
  m.cpu().write(Csr::hvip, interrupt::VSSI | interrupt::VSTI | interrupt::VSEI);
  CHECK(m.taken() == (kTop | 9));
  CHECK(m.csr(Csr::vsepc) == kCode);
  CHECK(m.csr(Csr::vstval) == 0);
  CHECK((m.csr(Csr::vsstatus) & (status::SIE | status::SPIE | status::SPP)) ==
        (status::SPIE | status::SPP));
  CHECK(m.cpu().instructions() == 0);
  CHECK(m.csr(Csr::vsip) == (interrupt::SSI | interrupt::STI | interrupt::SEI));
  m.go_back();
  m.cpu().write(Csr::hvip, interrupt::VSSI | interrupt::VSTI);
  CHECK(m.taken() == (kTop | 1));
  m.go_back();
  m.cpu().write(Csr::hvip, interrupt::VSTI);
  CHECK(m.taken() == (kTop | 5));
}

TEST_CASE("a vectored handler is entered at four times the cause") {
  Loop m;
  m.cpu().write(Csr::vstvec, GuestMachine::kVector | 1);
  m.put(GuestMachine::kVector + 36, {code::kEcall});
  m.cpu().write(Csr::hvip, interrupt::VSEI);
  CHECK(m.cpu().enter_guest() == GuestMachine::kEcallFromVs);
  CHECK(m.csr(Csr::sepc) == GuestMachine::kVector + 36);
}

TEST_CASE("masked ones wait, in VS-mode only") {
  Loop m;
  m.cpu().write(Csr::vsstatus, 0);
  m.cpu().write(Csr::hvip, interrupt::VSSI);
  m.cpu().set_instruction_limit(100);
  CHECK(m.cpu().enter_guest() == GuestMachine::kTimer);
  CHECK(m.cpu().instructions() == 100);
  SUBCASE("until they are unmasked") {
    m.cpu().set_instruction_limit(Pcpu::kNever);
    m.put(kCode, {code::csrrsi(0, Csr::sstatus, 2)});
    m.machine->memory_written(kCode, 4);
    m.cpu().write(Csr::sepc, kCode);
    CHECK(m.taken() == (kTop | 1));
    CHECK(m.csr(Csr::vsepc) == kCode + 4);
    CHECK(m.cpu().instructions() == 101);
  }
  SUBCASE("or enabled") {
    m.cpu().set_instruction_limit(Pcpu::kNever);
    m.cpu().write(Csr::vsstatus, status::SIE);
    m.cpu().write(Csr::vsie, 0);
    m.put(kCode, {code::csrrsi(0, Csr::sie, 2)});
    m.machine->memory_written(kCode, 4);
    m.cpu().write(Csr::sepc, kCode);
    CHECK(m.taken() == (kTop | 1));
    CHECK(m.csr(Csr::vsepc) == kCode + 4);
  }
  SUBCASE("or VU-mode runs") {
    m.cpu().set_instruction_limit(Pcpu::kNever);
    m.enter_user();
    CHECK(m.taken() == (kTop | 1));
    CHECK(m.cpu().instructions() == 100);
  }
}

TEST_CASE("the guest sets and clears its software interrupt itself") {
  Loop m;
  m.put(kCode, {code::csrrsi(6, Csr::sip, 2), code::kNop});
  CHECK(m.taken() == (kTop | 1));
  CHECK(m.csr(Csr::vsepc) == kCode + 4);
  CHECK(m.cpu().gpr(6) == 0);
  CHECK(m.csr(Csr::hvip) == interrupt::VSSI);
  m.put(GuestMachine::kVector, {code::csrrci(7, Csr::sip, 2), code::csrrs(8, Csr::sip, 0)});
  m.put(GuestMachine::kVector + 8, {code::kEcall});
  m.machine->memory_written(GuestMachine::kVector, 12);
  CHECK(m.cpu().enter_guest() == GuestMachine::kEcallFromVs);
  CHECK(m.cpu().gpr(7) == interrupt::SSI);
  CHECK(m.cpu().gpr(8) == 0);
  CHECK(m.csr(Csr::hvip) == 0);
}

TEST_CASE("vstimecmp interrupts at the first branch behind its time") {
  Loop m;
  m.cpu().write(Csr::vstimecmp, 7);
  CHECK(m.csr(Csr::hip) == 0);
  CHECK(m.cpu().next_deadline() == 700);
  CHECK(m.taken() == (kTop | 5));
  CHECK(m.cpu().instructions() == 700);
  CHECK(m.csr(Csr::hip) == interrupt::VSTI);
  SUBCASE("htimedelta moves it") {
    m.cpu().write(Csr::htimedelta, ~0ULL - 2);  // -3
    CHECK(m.csr(Csr::hip) == 0);
    m.go_back();
    CHECK(m.taken() == (kTop | 5));
    CHECK(m.cpu().instructions() == 1000);
  }
  SUBCASE("without henvcfg.STCE there is none") {
    m.cpu().write(Csr::henvcfg, 0);
    CHECK(m.csr(Csr::hip) == 0);
    CHECK(m.cpu().next_deadline() == Pcpu::kNever);
  }
}

TEST_CASE("the guest programs its timer and reads its time") {
  Loop m;
  m.cpu().write(Csr::htimedelta, 1000);
  m.put(kCode, {code::csrrs(6, Csr::time, 0), code::addi(7, 6, 2), code::csrrw(0, Csr::stimecmp, 7),
                code::addi(5, 5, 1), code::jal(0, -4)});
  CHECK(m.taken() == (kTop | 5));
  CHECK(m.cpu().gpr(6) == 1000);
  CHECK(m.csr(Csr::vstimecmp) == 1002);
  CHECK(m.cpu().instructions() == 201);
}

TEST_CASE("a run without branches is cut") {
  GuestMachine m({});
  for (unsigned n = 0; n < 6000; ++n) m.put(kCode + 4 * n, {code::addi(5, 5, 1)});
  m.put(kCode + 24000, {code::kEcall});
  m.cpu().set_turn_end(100);
  CHECK(m.cpu().enter_guest() == GuestMachine::kTimer);
  CHECK(m.cpu().instructions() == 100 + 4096);
  CHECK(m.cpu().gpr(5) == 4196);
}

TEST_CASE("HS-mode takes its own interrupts, and those that it keeps") {
  Loop m;
  SUBCASE("its timer's") {
    m.cpu().write(Csr::sie, interrupt::STI);
    m.cpu().write(Csr::stimecmp, 3);
    CHECK(m.cpu().enter_guest() == (kTop | 5));
    CHECK_FALSE(m.cpu().stopped_by_owner());
    CHECK(m.cpu().instructions() == 300);
    CHECK(m.csr(Csr::sip) == interrupt::STI);
  }
  SUBCASE("not its timer's while that is disabled") {
    m.cpu().write(Csr::stimecmp, 3);
    m.cpu().set_instruction_limit(1000);
    CHECK(m.cpu().enter_guest() == GuestMachine::kTimer);
    CHECK(m.cpu().stopped_at_limit());
  }
  SUBCASE("a virtual one that is not delegated") {
    m.cpu().write(Csr::hideleg, interrupt::VSTI);
    m.cpu().write(Csr::hie, interrupt::VSSI);
    m.cpu().write(Csr::hvip, interrupt::VSSI);
    CHECK(m.cpu().enter_guest() == (kTop | 2));
    CHECK(m.csr(Csr::vsip) == 0);
    CHECK(m.cpu().instructions() == 0);
  }
}

TEST_CASE("WFI waits where HS-mode lets it") {
  Loop m;
  m.put(kCode, {code::kWfi, code::kNop, code::jal(0, -4)});
  m.cpu().write(Csr::hstatus, hstatus::SPV);
  m.cpu().write(Csr::vstimecmp, 1000);
  CHECK(m.taken() == (kTop | 5));
  CHECK(m.csr(Csr::vsepc) == kCode + 4);
  CHECK(m.cpu().time() == 100'000);
  CHECK(m.cpu().instructions() == 1);
}

}  // namespace
}  // namespace axvm::sim::riscv64::test
