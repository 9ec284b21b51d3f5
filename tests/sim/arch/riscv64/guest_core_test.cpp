// Small programs, run by a test in HS-mode's place.

#include <doctest/doctest.h>

#include "guest_machine.hpp"

namespace axvm::sim::riscv64::test {
namespace {

constexpr std::uint64_t kCode = GuestMachine::kCode;

TEST_CASE("retired instructions are counted exactly, and ECALL is not one of them") {
  GuestMachine m({
      code::addi(10, 0, 100),
      code::add(11, 11, 10),
      code::addi(10, 10, -1),
      code::bne(10, 0, -8),
      code::kEcall,
  });
  CHECK(m.cpu().enter_guest() == GuestMachine::kEcallFromVs);
  CHECK(m.cpu().instructions() == 301);
  CHECK(m.cpu().time() == 301);
  CHECK(m.cpu().gpr(11) == 5050);
  CHECK(m.csr(Csr::sepc) == kCode + 16);
  CHECK(m.csr(Csr::stval) == 0);
  CHECK(m.csr(Csr::htval) == 0);
  CHECK(m.csr(Csr::htinst) == 0);
  CHECK((m.csr(Csr::hstatus) & (hstatus::SPV | hstatus::SPVP | hstatus::GVA)) ==
        (hstatus::SPV | hstatus::SPVP));
  CHECK((m.csr(Csr::sstatus) & status::SPP) != 0);
}

TEST_CASE("compressed instructions are counted as such") {
  GuestMachine m({});
  for (unsigned n = 0; n < 5; ++n) m.put_half(kCode + 2 * n, code::kCompressedNop);
  m.put(kCode + 10, {code::addi(5, 5, 1), code::kEcall});
  CHECK(m.cpu().enter_guest() == GuestMachine::kEcallFromVs);
  CHECK(m.cpu().instructions() == 6);
  CHECK(m.csr(Csr::sepc) == kCode + 14);
}

TEST_CASE("the guest goes on where HS-mode sends it") {
  GuestMachine m(
      {code::kEcall, code::addi(5, 0, 1), code::kEcall, code::addi(5, 0, 2), code::kEcall});
  REQUIRE(m.cpu().enter_guest() == GuestMachine::kEcallFromVs);
  m.skip_instruction();
  REQUIRE(m.cpu().enter_guest() == GuestMachine::kEcallFromVs);
  CHECK(m.cpu().gpr(5) == 1);
  m.cpu().set_gpr(5, 7);
  REQUIRE(m.cpu().enter_guest() == GuestMachine::kEcallFromVs);  // the same one again
  CHECK(m.cpu().gpr(5) == 7);
  CHECK(m.csr(Csr::sepc) == kCode + 8);
  CHECK(m.cpu().instructions() == 1);
  m.cpu().write(Csr::sepc, kCode + 12);
  REQUIRE(m.cpu().enter_guest() == GuestMachine::kEcallFromVs);
  CHECK(m.cpu().gpr(5) == 2);
}

TEST_CASE("a guest page fault has the address, the guest physical one and the instruction") {
  GuestMachine m({
      0x10000237,                 // lui x4, 0x10000
      code::load(4, 6, 4, 8),     // lbu x6, 8(x4)
      code::store(2, 7, 4, -16),  // sw x7, -16(x4)
  });
  CHECK(m.cpu().enter_guest() == GuestMachine::kLoadFault);
  CHECK(m.csr(Csr::sepc) == kCode + 4);
  CHECK(m.csr(Csr::stval) == 0x1000'0008);
  CHECK(m.csr(Csr::htval) == 0x1000'0008 >> 2);
  CHECK(m.csr(Csr::htinst) == (0x03U | 6 << 7 | 4 << 12));
  CHECK((m.csr(Csr::hstatus) & hstatus::GVA) != 0);
  CHECK(m.cpu().instructions() == 1);
  m.skip_instruction();
  CHECK(m.cpu().enter_guest() == GuestMachine::kStoreFault);
  CHECK(m.csr(Csr::stval) == 0x0fff'fff0);
  CHECK(m.csr(Csr::htval) == 0x0fff'fff0 >> 2);
  CHECK(m.csr(Csr::htinst) == (0x23U | 7 << 20 | 2 << 12));
  CHECK(m.cpu().instructions() == 1);
}

TEST_CASE("a compressed load says in htinst that it is one") {
  GuestMachine m({0x10000437});   // lui x8, 0x10000
  m.put_half(kCode + 4, 0x4448);  // c.lw x10, 12(x8)
  CHECK(m.cpu().enter_guest() == GuestMachine::kLoadFault);
  CHECK(m.csr(Csr::stval) == 0x1000'000c);
  CHECK(m.csr(Csr::htinst) == (0x01U | 10 << 7 | 2 << 12));
}

TEST_CASE("an atomic's fault is a store's, a load-reserved's a load's") {
  GuestMachine m({
      0x10000237,             // lui x4, 0x10000
      0x0062232f | 1U << 25,  // amoadd.w.rl x6, x6, (x4)
      0x1002232f,             // lr.w x6, (x4)
  });
  CHECK(m.cpu().enter_guest() == GuestMachine::kStoreFault);
  CHECK(m.csr(Csr::htinst) == ((0x0062232f | 1U << 25) & 0xfff07fff));
  m.skip_instruction();
  CHECK(m.cpu().enter_guest() == GuestMachine::kLoadFault);
  CHECK(m.csr(Csr::htinst) == (0x1002232f & 0xfff07fff));
}

TEST_CASE("a misaligned access that crosses into a missing page faults at that page") {
  GuestMachine m({});
  m.put(kCode, {0x7fe08093 /* addi x1, x1, 2046 */, code::load(3, 6, 1, 0), code::kEcall});
  m.cpu().set_gpr(1, GuestMachine::kRam + GuestMachine::kRamSize - 2046 - 3);
  // RAM ends inside the leaf: nothing answers there.
  CHECK(m.cpu().enter_guest() == static_cast<std::uint64_t>(Cause::LoadAccessFault));
  CHECK(m.csr(Csr::stval) == GuestMachine::kRam + GuestMachine::kRamSize);
  CHECK(m.csr(Csr::htinst) == (0x03U | 6 << 7 | 3 << 12 | 3 << 15));
}

TEST_CASE("WFI traps as a virtual instruction while nothing is pending") {
  GuestMachine m({code::addi(5, 0, 1), code::kWfi, code::addi(5, 0, 2), code::kEcall});
  CHECK(m.cpu().enter_guest() == GuestMachine::kVirtual);
  CHECK(m.csr(Csr::sepc) == kCode + 4);
  CHECK(m.csr(Csr::stval) == code::kWfi);
  CHECK(m.cpu().gpr(5) == 1);
  CHECK(m.cpu().instructions() == 1);
  SUBCASE("HS-mode skips it") { m.skip_instruction(); }
  SUBCASE("an interrupt is pending, though masked: it retires") {
    m.cpu().write(Csr::hideleg, interrupt::VSSI);
    m.cpu().write(Csr::hie, interrupt::VSSI);
    m.cpu().write(Csr::hvip, interrupt::VSSI);
  }
  CHECK(m.cpu().enter_guest() == GuestMachine::kEcallFromVs);
  CHECK(m.cpu().gpr(5) == 2);
}

TEST_CASE("a turn ends at the first branch behind its end, as HS-mode's timer interrupt") {
  GuestMachine m(
      {code::addi(5, 5, 1), code::addi(5, 5, 1), code::addi(5, 5, 1), code::jal(0, -12)});
  m.cpu().set_turn_end(50);
  CHECK(m.cpu().enter_guest() == GuestMachine::kTimer);
  CHECK(m.cpu().stopped_by_owner());
  CHECK(m.cpu().instructions() == 52);
  CHECK(m.csr(Csr::sepc) == kCode);
  m.cpu().set_turn_end(Pcpu::kNever);
  m.cpu().set_instruction_limit(103);
  CHECK(m.cpu().enter_guest() == GuestMachine::kTimer);
  CHECK(m.cpu().stopped_at_limit());
  CHECK(m.cpu().instructions() == 103);
  CHECK(m.csr(Csr::sepc) == kCode + 12);
  CHECK(m.cpu().gpr(5) == 78);
}

}  // namespace
}  // namespace axvm::sim::riscv64::test
