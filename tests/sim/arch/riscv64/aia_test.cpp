// Registers of the Advanced Interrupt Architecture on a hart without guest interrupt files: who may
// access them, and which interrupt goes first (AIA 1.0, chapters 2 and 6).

#include <doctest/doctest.h>

#include "guest_machine.hpp"

namespace axvm::sim::riscv64::test {
namespace {

constexpr std::uint64_t kTop = 1ULL << 63;
constexpr std::uint64_t kAll = ~0ULL;

struct Guest : GuestMachine {
  Guest() : GuestMachine({}) {
    delegate();
    cpu().write(Csr::hedeleg, 0);
    cpu().write(Csr::hstateen0, kAll);
  }
  std::uint64_t written(Csr c, std::uint64_t value) {
    cpu().write(c, value);
    return csr(c);
  }
  /// scause after one instruction and an ECALL.
  std::uint64_t cause_of(std::uint32_t word, bool user = false) {
    put(kCode, {word, code::kEcall});
    machine->memory_written(kCode, 8);
    cpu().write(Csr::sepc, kCode);
    const std::uint64_t s = csr(Csr::sstatus) & ~status::SPP;
    cpu().write(Csr::sstatus, s | (user ? 0 : status::SPP));
    return cpu().enter_guest();
  }
  std::uint64_t reading(Csr c, bool user = false) { return cause_of(code::csrrs(5, c, 0), user); }
  std::uint64_t writing(Csr c) { return cause_of(code::csrrw(5, c, 6)); }
  /// Software, timer and external interrupts that are pending and enabled.
  void pend(std::uint64_t interrupts) {
    cpu().write(Csr::hie, interrupt::kVirtual);
    cpu().write(Csr::hvip, interrupts << 1);
  }
};

constexpr std::uint64_t hvictl_of(std::uint64_t iid, std::uint64_t others) {
  return iid << 16 | others;
}

}  // namespace

TEST_CASE_FIXTURE(Guest, "AIA: registers keep what there is of them") {
  CHECK(written(Csr::hstateen0, kAll) ==
        (hstateen0::SE0 | hstateen0::ENVCFG | hstateen0::CSRIND | hstateen0::AIA));
  CHECK(written(Csr::hvictl, kAll) == 0x403f'03ff);
  CHECK(written(Csr::hviprio1, kAll) == 0xff00'ff00);
  CHECK(written(Csr::hviprio2, kAll) == 0);
  CHECK(written(Csr::hvien, kAll) == 0);
  CHECK(written(Csr::vsiselect, kAll) == 0x1ff);
}

TEST_CASE_FIXTURE(Guest, "AIA: siselect is vsiselect, which no program in VU-mode has") {
  cpu().set_gpr(6, 0x72);
  CHECK(writing(Csr::siselect) == kEcallFromVs);
  CHECK(csr(Csr::vsiselect) == 0x72);
  CHECK(reading(Csr::siselect) == kEcallFromVs);
  CHECK(cpu().gpr(5) == 0x72);
  for (const Csr c : {Csr::siselect, Csr::sireg, Csr::stopei, Csr::stopi}) {
    CHECK(reading(c, true) == kVirtual);
  }
}

TEST_CASE_FIXTURE(Guest,
                  "AIA: sireg of priorities and interrupt files is the hypervisor's to emulate") {
  for (const std::uint64_t select : {0x30U, 0x3fU, 0x70U, 0x81U, 0xffU}) {
    CAPTURE(select);
    cpu().write(Csr::vsiselect, select);
    CHECK(reading(Csr::sireg) == kVirtual);
    CHECK(writing(Csr::sireg) == kVirtual);
  }
  for (const std::uint64_t select : {0x00U, 0x2fU, 0x40U, 0x6fU, 0x100U, 0x1ffU}) {
    CAPTURE(select);
    cpu().write(Csr::vsiselect, select);
    CHECK(reading(Csr::sireg) == kIllegal);
  }
  CHECK(reading(Csr::stopei) == kVirtual);
  CHECK(writing(Csr::stopei) == kVirtual);
}

TEST_CASE_FIXTURE(Guest, "AIA: the hypervisor's and VS-mode's own are not for guests") {
  for (const Csr c : {Csr::hvien, Csr::hvictl, Csr::hviprio1, Csr::hviprio2, Csr::vsiselect,
                      Csr::vsireg, Csr::vstopei, Csr::vstopi}) {
    CAPTURE(static_cast<unsigned>(c));
    CHECK(reading(c) == kVirtual);
    CHECK(reading(c, true) == kVirtual);
  }
  CHECK(writing(Csr::stopi) == kIllegal);
  CHECK(writing(Csr::vstopi) == kIllegal);
}

TEST_CASE_FIXTURE(Guest, "AIA: hstateen0 takes them from guests one by one") {
  CHECK(reading(Csr::stopi) == kEcallFromVs);
  cpu().write(Csr::hstateen0, hstateen0::CSRIND);
  CHECK(reading(Csr::stopi) == kVirtual);
  CHECK(reading(Csr::siselect) == kEcallFromVs);
  cpu().write(Csr::hstateen0, hstateen0::AIA);
  CHECK(reading(Csr::stopi) == kEcallFromVs);
  CHECK(reading(Csr::siselect) == kVirtual);
  cpu().write(Csr::vsiselect, 0x100);  // whatever is selected
  CHECK(reading(Csr::sireg) == kVirtual);
}

TEST_CASE_FIXTURE(Guest,
                  "AIA: by default external interrupts go first, then software, then timer") {
  CHECK(csr(Csr::vstopi) == 0);
  pend(interrupt::SSI | interrupt::STI | interrupt::SEI);
  CHECK(csr(Csr::vstopi) == (9 << 16 | 1));
  pend(interrupt::SSI | interrupt::STI);
  CHECK(csr(Csr::vstopi) == (1 << 16 | 1));
  CHECK(reading(Csr::stopi) == kEcallFromVs);
  CHECK(cpu().gpr(5) == (1 << 16 | 1));
  pend(interrupt::STI);
  CHECK(csr(Csr::vstopi) == (5 << 16 | 1));
  cpu().write(Csr::hie, 0);
  CHECK(csr(Csr::vstopi) == 0);
}

TEST_CASE_FIXTURE(Guest, "AIA: priority numbers order interrupts, and are told under IPRIOM") {
  pend(interrupt::SSI | interrupt::STI | interrupt::SEI);
  cpu().write(Csr::hvictl, hvictl::IPRIOM);
  CHECK(csr(Csr::vstopi) == (9 << 16 | 255));  // of no number
  cpu().write(Csr::hviprio1, 7ULL << 24);
  CHECK(csr(Csr::vstopi) == (5 << 16 | 7));
  cpu().write(Csr::hviprio1, 7ULL << 24 | 7ULL << 8);
  CHECK(csr(Csr::vstopi) == (1 << 16 | 7));
  cpu().write(Csr::hvictl, hvictl_of(9, hvictl::IPRIOM | 7));
  CHECK(csr(Csr::vstopi) == (9 << 16 | 7));
  cpu().write(Csr::hvictl, hvictl_of(9, hvictl::IPRIOM | 8));
  CHECK(csr(Csr::vstopi) == (1 << 16 | 7));
  cpu().write(Csr::hvictl, hvictl_of(1, hvictl::IPRIOM | 2));  // not of an external interrupt
  CHECK(csr(Csr::vstopi) == (1 << 16 | 7));
  pend(interrupt::STI);
  cpu().write(Csr::hviprio1, 0);
  CHECK(csr(Csr::vstopi) == (5 << 16 | 255));
}

TEST_CASE_FIXTURE(Guest, "AIA: under VTI hvictl names the interrupt besides the external one") {
  pend(interrupt::SSI | interrupt::STI);
  cpu().write(Csr::hvictl, hvictl_of(9, hvictl::VTI));
  CHECK(csr(Csr::vstopi) == 0);
  CHECK(csr(Csr::vsip) == (interrupt::SSI | interrupt::STI));
  cpu().write(Csr::hvictl, hvictl_of(13, hvictl::VTI));
  CHECK(csr(Csr::vstopi) == (13 << 16 | 1));
  pend(interrupt::SEI);
  CHECK(csr(Csr::vstopi) == (13 << 16 | 1));  // above an external one by default
  cpu().write(Csr::hvictl, hvictl_of(13, hvictl::VTI | hvictl::DPR));
  CHECK(csr(Csr::vstopi) == (9 << 16 | 1));
  cpu().write(Csr::hvictl, hvictl_of(13, hvictl::VTI | hvictl::DPR | hvictl::IPRIOM | 200));
  CHECK(csr(Csr::vstopi) == (13 << 16 | 200));
  cpu().write(Csr::hvictl, hvictl_of(13, hvictl::VTI | hvictl::IPRIOM));
  CHECK(csr(Csr::vstopi) == (13 << 16 | 0));
}

TEST_CASE_FIXTURE(Guest,
                  "AIA: under VTI a guest cannot look at its interrupts, or take them back") {
  CHECK(reading(Csr::sip) == kEcallFromVs);
  cpu().write(Csr::hvictl, hvictl_of(9, hvictl::VTI));
  CHECK(reading(Csr::sip) == kVirtual);
  CHECK(reading(Csr::sie) == kVirtual);
  CHECK(reading(Csr::stimecmp) == kEcallFromVs);
  CHECK(writing(Csr::stimecmp) == kVirtual);
}

TEST_CASE_FIXTURE(Guest, "AIA: VS-mode takes the interrupt that vstopi names") {
  put(kCode, {code::jal(0, 0)});
  put(kVector, {code::kEcall});
  cpu().write(Csr::vsstatus, status::SIE);
  const auto taken = [&] {
    cpu().write(Csr::sepc, kCode);
    REQUIRE(cpu().enter_guest() == kEcallFromVs);
    cpu().write(Csr::vsstatus, status::SIE);
    return csr(Csr::vscause);
  };
  pend(interrupt::SSI | interrupt::STI | interrupt::SEI);
  cpu().write(Csr::hviprio1, 1ULL << 24);
  CHECK(taken() == (kTop | 5));
  cpu().write(Csr::hvictl, hvictl_of(13, hvictl::VTI));
  CHECK(taken() == (kTop | 13));
  pend(0);
  CHECK(taken() == (kTop | 13));
}

TEST_CASE_FIXTURE(Guest, "AIA: WFI goes on when vstopi names an interrupt, and only then") {
  pend(interrupt::SSI);
  CHECK(cause_of(code::kWfi) == kEcallFromVs);
  cpu().write(Csr::hvictl, hvictl_of(9, hvictl::VTI));
  CHECK(cause_of(code::kWfi) == kVirtual);
  pend(0);
  cpu().write(Csr::hvictl, hvictl_of(13, hvictl::VTI));
  CHECK(cause_of(code::kWfi) == kEcallFromVs);
}

}  // namespace axvm::sim::riscv64::test
