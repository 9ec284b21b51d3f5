// CSRs as HS-mode and as guests find them.

#include <doctest/doctest.h>

#include "guest_machine.hpp"

namespace axvm::sim::riscv64::test {
namespace {

constexpr std::uint64_t kCode = GuestMachine::kCode;

std::uint64_t written(GuestMachine& m, Csr csr, std::uint64_t value) {
  m.cpu().write(csr, value);
  return m.csr(csr);
}

TEST_CASE("HS-mode's registers keep what is legal") {
  GuestMachine m({});
  constexpr std::uint64_t kAll = ~0ULL;
  CHECK(written(m, Csr::sstatus, kAll) ==
        (status::SIE | status::SPIE | status::SPP | status::FS | status::SUM | status::MXR |
         status::UXL_64 | status::SD));
  CHECK(written(m, Csr::hedeleg, kAll) == 0xb1ff);
  CHECK(written(m, Csr::hideleg, kAll) == 0x444);
  CHECK(written(m, Csr::hie, kAll) == 0x444);
  CHECK(written(m, Csr::hvip, kAll) == 0x444);
  CHECK(written(m, Csr::hgeie, kAll) == 0);
  CHECK(written(m, Csr::stvec, kAll) == ~2ULL);
  CHECK(written(m, Csr::vstvec, kAll) == ~2ULL);
  CHECK(written(m, Csr::sepc, kAll) == ~1ULL);
  CHECK(written(m, Csr::vsepc, kAll) == ~1ULL);
  CHECK(written(m, Csr::vscause, kAll) == kAll);
  CHECK(written(m, Csr::vsscratch, 0x1234'5678'9abc'def0) == 0x1234'5678'9abc'def0);
  CHECK(written(m, Csr::hcounteren, kAll) == 0xffff'ffff);
  CHECK(written(m, Csr::htimedelta, kAll) == kAll);
  CHECK(written(m, Csr::henvcfg, kAll) == (envcfg::FIOM | envcfg::PBMTE | envcfg::STCE));
  CHECK(written(m, Csr::hstatus, kAll) == 0x2'0070'03c0);
  CHECK(written(m, Csr::hgeip, kAll) == 0);
  CHECK((m.csr(Csr::misa) >> 7 & 1) == 1);
}

TEST_CASE("hgatp has four modes, 14 bits of VMID and a root of 16 KiB") {
  GuestMachine m({});
  for (const std::uint64_t mode : {0ULL, 8ULL, 9ULL, 10ULL}) {
    const std::uint64_t fields = 0x3fffULL << 44 | ((1ULL << 44) - 4);
    CHECK(written(m, Csr::hgatp, mode << 60 | ~0ULL >> 4) == (mode << 60 | fields));
  }
  // A mode that there is not leaves the old one.
  CHECK(written(m, Csr::hgatp, 11ULL << 60 | 4) == (10ULL << 60 | 4));
}

TEST_CASE("hgatp has no mode that the hart has not, and keeps the one it had") {
  for (const std::uint64_t only : {8ULL, 9ULL, 10ULL}) {
    CAPTURE(only);
    GuestMachine m({}, {.g_stage_modes = static_cast<std::uint16_t>(1U << only)});
    for (const std::uint64_t mode : {8ULL, 9ULL, 10ULL}) {
      CHECK(written(m, Csr::hgatp, 0) == 0);
      CHECK(written(m, Csr::hgatp, mode << 60 | 4) == (mode == only ? only << 60 | 4 : 4));
    }
    CHECK(written(m, Csr::hgatp, only << 60) == only << 60);
    CHECK(written(m, Csr::hgatp, 11ULL << 60 | 8) == (only << 60 | 8));
  }
}

TEST_CASE("vsatp with a mode that there is not is not written") {
  GuestMachine m({});
  CHECK(written(m, Csr::vsatp, 9ULL << 60 | 5ULL << 44 | 77) == (9ULL << 60 | 5ULL << 44 | 77));
  CHECK(written(m, Csr::vsatp, 5ULL << 60) == (9ULL << 60 | 5ULL << 44 | 77));
}

TEST_CASE("VS-mode's interrupts are those that are delegated, one bit lower") {
  GuestMachine m({});
  m.cpu().write(Csr::hideleg, interrupt::VSSI | interrupt::VSEI);
  CHECK(written(m, Csr::vsie, ~0ULL) == (interrupt::SSI | interrupt::SEI));
  CHECK(m.csr(Csr::hie) == (interrupt::VSSI | interrupt::VSEI));
  CHECK(written(m, Csr::vsip, ~0ULL) == interrupt::SSI);
  CHECK(m.csr(Csr::hvip) == interrupt::VSSI);
  CHECK(m.csr(Csr::hip) == interrupt::VSSI);
  m.cpu().write(Csr::hideleg, 0);
  CHECK(m.csr(Csr::vsie) == 0);
  CHECK(written(m, Csr::vsip, 0) == 0);
  CHECK(m.csr(Csr::hvip) == interrupt::VSSI);
}

TEST_CASE("VS-mode's registers are the same to the guest and to HS-mode, in VU-mode, too") {
  GuestMachine m({
      code::csrrw(0, Csr::sscratch, 5),
      code::csrrw(0, Csr::stval, 6),
      code::csrrs(7, Csr::scause, 0),
      code::csrrs(8, Csr::stvec, 0),
      code::kSret,
  });
  m.put(kCode + 0x100, {code::kEcall});
  m.cpu().set_gpr(5, 0x5555);
  m.cpu().set_gpr(6, 0x6666);
  m.cpu().write(Csr::vscause, 0x7777);
  m.cpu().write(Csr::vsepc, kCode + 0x100);
  m.cpu().write(Csr::vsstatus, status::SPIE);
  CHECK(m.cpu().enter_guest() == static_cast<std::uint64_t>(Cause::EcallFromU));
  CHECK(m.csr(Csr::vsscratch) == 0x5555);
  CHECK(m.csr(Csr::vstval) == 0x6666);
  CHECK(m.cpu().gpr(7) == 0x7777);
  CHECK(m.cpu().gpr(8) == GuestMachine::kVector);
  CHECK(m.csr(Csr::vsstatus) == (status::SIE | status::SPIE | status::UXL_64));
  CHECK(m.csr(Csr::vsepc) == kCode + 0x100);
  CHECK(written(m, Csr::vsscratch, 9) == 9);
}

TEST_CASE("sstatus has UXL, and SD with FS, whoever looks and however it came") {
  GuestMachine m({
      code::csrrs(5, Csr::sstatus, 0),     // FS initial
      0x00000053 | 0x02000000U | 1U << 7,  // fadd.d f1, f0, f0
      code::csrrs(6, Csr::sstatus, 0),     // dirty
      code::csrrw(0, Csr::sstatus, 7),     // initial
      code::csrrw(0, Csr::fcsr, 8),
      code::csrrs(9, Csr::sstatus, 0),  // dirty again
      code::csrrs(10, Csr::fcsr, 0),
      code::kEcall,
  });
  m.cpu().write(Csr::vsstatus, 1ULL << 13);
  m.cpu().set_gpr(7, 1ULL << 13);
  m.cpu().set_gpr(8, 0xff);
  REQUIRE(m.cpu().enter_guest() == GuestMachine::kEcallFromVs);
  CHECK(m.cpu().gpr(5) == (status::UXL_64 | 1ULL << 13));
  CHECK(m.cpu().gpr(6) == (status::UXL_64 | status::FS | status::SD));
  CHECK(m.cpu().gpr(9) == (status::UXL_64 | status::FS | status::SD));
  CHECK(m.cpu().gpr(10) == 0xff);
  CHECK(m.csr(Csr::vsstatus) == (status::UXL_64 | status::FS | status::SD));
  CHECK(m.csr(Csr::fcsr) == 0xff);
  CHECK(m.cpu().instructions() == 7);
}

TEST_CASE("sepc is even") {
  GuestMachine m({code::csrrw(0, Csr::sepc, 5), code::csrrs(6, Csr::sepc, 0), code::kSret});
  m.put(kCode + 0x100, {code::kEcall});
  m.cpu().set_gpr(5, kCode + 0x101);
  m.cpu().write(Csr::vsstatus, status::SPP);
  CHECK(m.cpu().enter_guest() == GuestMachine::kEcallFromVs);
  CHECK(m.cpu().gpr(6) == kCode + 0x100);
  CHECK(m.csr(Csr::sepc) == kCode + 0x100);
}

TEST_CASE("floating point needs vsstatus.FS, and fcsr keeps its value without it") {
  GuestMachine m({code::csrrs(5, Csr::fcsr, 0)});
  m.cpu().write(Csr::fcsr, 0x61);
  m.cpu().write(Csr::vsstatus, 0);
  CHECK(m.cpu().enter_guest() == GuestMachine::kIllegal);
  CHECK(m.csr(Csr::fcsr) == 0x61);
  m.cpu().set_fpr(3, 0x1234);
  CHECK(m.cpu().fpr(3) == 0x1234);
  CHECK((m.csr(Csr::vsstatus) & status::FS) == 0);
}

TEST_CASE("cycle and instret count this hart's instructions, not the host's time") {
  GuestMachine m({
      code::kNop,
      code::csrrs(5, Csr::instret, 0),
      code::csrrs(6, Csr::cycle, 0),
      code::csrrs(7, Csr::time, 0),
      0xc0302473,  // csrr x8, hpmcounter3
      code::kEcall,
  });
  m.cpu().write(Csr::hcounteren, ~0ULL);
  SUBCASE("in VS-mode") {}
  SUBCASE("in VU-mode, with scounteren") {
    m.cpu().write(Csr::scounteren, ~0ULL);
    m.enter_user();
  }
  static_cast<void>(m.cpu().enter_guest());
  CHECK(m.csr(Csr::sepc) == kCode + 20);
  CHECK(m.cpu().gpr(5) == 1);
  CHECK(m.cpu().gpr(6) == 2);
  CHECK(m.cpu().gpr(7) == 0);
  CHECK(m.cpu().gpr(8) == 0);
}

TEST_CASE("counters, timer and environment need their permissions") {
  GuestMachine m({});
  const auto cause_of = [&](std::uint32_t word, bool user) {
    m.put(kCode, {word, code::kEcall});
    m.machine->memory_written(kCode, 8);
    m.cpu().write(Csr::sepc, kCode);
    const std::uint64_t s = m.csr(Csr::sstatus) & ~status::SPP;
    m.cpu().write(Csr::sstatus, s | (user ? 0 : status::SPP));
    return m.cpu().enter_guest();
  };
  constexpr std::uint64_t kVirtual = GuestMachine::kVirtual;
  const std::uint32_t time = code::csrrs(5, Csr::time, 0);
  m.cpu().write(Csr::hcounteren, 2);
  CHECK(cause_of(time, false) == GuestMachine::kEcallFromVs);
  CHECK(cause_of(time, true) == kVirtual);
  CHECK(cause_of(code::csrrs(5, Csr::instret, 0), false) == kVirtual);
  m.cpu().write(Csr::scounteren, 2);
  CHECK(cause_of(time, true) == static_cast<std::uint64_t>(Cause::EcallFromU));
  m.cpu().write(Csr::hcounteren, 0);
  CHECK(cause_of(time, false) == kVirtual);
  CHECK(cause_of(time, true) == kVirtual);

  const std::uint32_t stimecmp = code::csrrs(5, Csr::stimecmp, 0);
  CHECK(cause_of(stimecmp, false) == kVirtual);
  m.cpu().write(Csr::hcounteren, 2);
  CHECK(cause_of(stimecmp, false) == GuestMachine::kEcallFromVs);
  m.cpu().write(Csr::henvcfg, 0);
  CHECK(cause_of(stimecmp, false) == kVirtual);

  const std::uint32_t senvcfg = code::csrrs(5, Csr::senvcfg, 0);
  m.cpu().write(Csr::senvcfg, 1);
  CHECK(cause_of(senvcfg, false) == GuestMachine::kEcallFromVs);
  CHECK(m.cpu().gpr(5) == 1);
  m.cpu().write(Csr::hstateen0, 0);
  CHECK(cause_of(senvcfg, false) == kVirtual);
  CHECK(cause_of(code::csrrs(5, Csr::sstateen0, 0), false) == kVirtual);
}

TEST_CASE("a guest's scounteren is HS-mode's: hardware has one") {
  GuestMachine m({code::csrrw(6, Csr::scounteren, 5), code::kEcall});
  m.cpu().write(Csr::scounteren, 3);
  m.cpu().set_gpr(5, ~0ULL);
  REQUIRE(m.cpu().enter_guest() == GuestMachine::kEcallFromVs);
  CHECK(m.cpu().gpr(6) == 3);
  CHECK(m.csr(Csr::scounteren) == 0xffff'ffff);
}

}  // namespace
}  // namespace axvm::sim::riscv64::test
