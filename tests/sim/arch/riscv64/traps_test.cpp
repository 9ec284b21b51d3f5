// Which exceptions go where, and what they leave in the registers of VS-mode and of HS-mode.

#include <doctest/doctest.h>

#include "guest_machine.hpp"

namespace axvm::sim::riscv64::test {
namespace {

constexpr std::uint64_t kCode = GuestMachine::kCode;

constexpr std::uint64_t of(Cause cause) { return static_cast<std::uint64_t>(cause); }

/// VS-mode's handler gives back what it was given, by an environment call.
void hand_over(GuestMachine& m) { m.put(GuestMachine::kVector, {code::kEcall}); }

struct Taken {
  std::uint64_t cause, epc, value;
  bool from_supervisor;
  bool operator==(const Taken&) const = default;
};
/// Runs until VS-mode's handler hands over.
Taken taken_by_vs(GuestMachine& m) {
  REQUIRE(m.cpu().enter_guest() == GuestMachine::kEcallFromVs);
  REQUIRE(m.csr(Csr::sepc) == GuestMachine::kVector);
  return {.cause = m.csr(Csr::vscause),
          .epc = m.csr(Csr::vsepc),
          .value = m.csr(Csr::vstval),
          .from_supervisor = (m.csr(Csr::vsstatus) & status::SPP) != 0};
}

TEST_CASE("what is delegated is taken in VS-mode") {
  GuestMachine m({});
  m.delegate();
  hand_over(m);
  SUBCASE("an environment call from VU-mode") {
    m.put(kCode, {code::kNop, code::kEcall});
    m.enter_user();
    CHECK(taken_by_vs(m) == Taken{of(Cause::EcallFromU), kCode + 4, 0, false});
    CHECK(m.cpu().instructions() == 1);
  }
  SUBCASE("an illegal instruction") {
    m.put(kCode, {code::kNop, 0xffffffff});
    CHECK(taken_by_vs(m) == Taken{of(Cause::IllegalInstruction), kCode + 4, 0xffffffff, true});
    CHECK(m.cpu().instructions() == 1);
  }
  SUBCASE("a compressed one") {
    m.put(kCode, {code::kNop, 0x0001'0000});
    CHECK(taken_by_vs(m) == Taken{of(Cause::IllegalInstruction), kCode + 4, 0, true});
  }
  SUBCASE("a breakpoint") {
    m.put(kCode, {code::kNop, code::kEbreak});
    CHECK(taken_by_vs(m) == Taken{of(Cause::Breakpoint), kCode + 4, kCode + 4, true});
    CHECK(m.cpu().instructions() == 1);
  }
  SUBCASE("a compressed one") {
    m.put_half(kCode, code::kCompressedNop);
    m.put_half(kCode + 2, code::kCompressedEbreak);
    CHECK(taken_by_vs(m) == Taken{of(Cause::Breakpoint), kCode + 2, kCode + 2, true});
    CHECK(m.cpu().instructions() == 1);
  }
  SUBCASE("an AMO and an LR that are misaligned") {
    m.put(kCode, {0x006a32af});  // amoadd.d x5, x6, (x20)
    m.cpu().set_gpr(20, GuestMachine::kData + 4);
    CHECK(taken_by_vs(m) ==
          Taken{of(Cause::StoreMisaligned), kCode, GuestMachine::kData + 4, true});
    m.put(kCode, {0x100a32af});  // lr.d x5, (x20)
    m.machine->forget_code();
    m.cpu().write(Csr::sepc, kCode);
    CHECK(taken_by_vs(m) == Taken{of(Cause::LoadMisaligned), kCode, GuestMachine::kData + 4, true});
  }
  SUBCASE("a page fault") {
    const std::uint64_t root = GuestMachine::kRam + 0x20'0000;
    m.word(root + 2 * 8) = GuestMachine::entry(GuestMachine::kRam, 0xcf);
    m.cpu().write(Csr::vsatp, 8ULL << 60 | root >> 12);
    m.put(kCode, {code::load(3, 5, 6, 8)});
    m.cpu().set_gpr(6, 0x1234'5000);
    CHECK(taken_by_vs(m) == Taken{of(Cause::LoadPageFault), kCode, 0x1234'5008, true});
    m.cpu().write(Csr::sepc, 0x7777'7772);
    CHECK(taken_by_vs(m) == Taken{of(Cause::InstructionPageFault), 0x7777'7772, 0x7777'7772, true});
  }
  // SIE went to SPIE.
  CHECK((m.csr(Csr::vsstatus) & (status::SIE | status::SPIE)) == 0);
}

TEST_CASE("what is not delegated is taken in HS-mode") {
  GuestMachine m({});
  SUBCASE("an environment call from VU-mode") {
    m.put(kCode, {code::kEcall});
    m.enter_user();
    CHECK(m.cpu().enter_guest() == of(Cause::EcallFromU));
    CHECK((m.csr(Csr::hstatus) & (hstatus::SPV | hstatus::SPVP | hstatus::GVA)) == hstatus::SPV);
    CHECK((m.csr(Csr::sstatus) & status::SPP) == 0);
  }
  SUBCASE("an illegal instruction") {
    m.put(kCode, {0xffffffff});
    CHECK(m.cpu().enter_guest() == of(Cause::IllegalInstruction));
    CHECK(m.csr(Csr::stval) == 0xffffffff);
    CHECK((m.csr(Csr::hstatus) & hstatus::GVA) == 0);
  }
  SUBCASE("a breakpoint") {
    m.put(kCode, {code::kEbreak});
    CHECK(m.cpu().enter_guest() == of(Cause::Breakpoint));
    CHECK(m.csr(Csr::stval) == kCode);
    CHECK((m.csr(Csr::hstatus) & hstatus::GVA) != 0);
  }
  SUBCASE("a page fault, with the transformed instruction") {
    m.cpu().write(Csr::vsatp, 8ULL << 60 | (GuestMachine::kRam + 0x20'0000) >> 12);
    m.word(GuestMachine::kRam + 0x20'0000 + 2 * 8) = GuestMachine::entry(GuestMachine::kRam, 0xcf);
    m.put(kCode, {code::store(3, 5, 6, 8)});
    CHECK(m.cpu().enter_guest() == of(Cause::StorePageFault));
    CHECK(m.csr(Csr::stval) == 8);
    CHECK(m.csr(Csr::htval) == 0);
    CHECK(m.csr(Csr::htinst) == (0x23U | 5 << 20 | 3 << 12));
  }
  CHECK(m.csr(Csr::sepc) == kCode);
  CHECK(m.cpu().instructions() == 0);
}

TEST_CASE("HS-mode's interrupt enable goes through traps and returns") {
  GuestMachine m({code::kEcall});
  m.cpu().write(Csr::sstatus, m.csr(Csr::sstatus) | status::SPIE);
  REQUIRE(m.cpu().enter_guest() == GuestMachine::kEcallFromVs);
  CHECK((m.csr(Csr::sstatus) & (status::SIE | status::SPIE)) == status::SPIE);
  m.cpu().write(Csr::sstatus, m.csr(Csr::sstatus) & ~status::SPIE);
  REQUIRE(m.cpu().enter_guest() == GuestMachine::kEcallFromVs);
  CHECK((m.csr(Csr::sstatus) & (status::SIE | status::SPIE)) == 0);
}

TEST_CASE("a fetch that fails has its address, and no instruction") {
  GuestMachine m({});
  SUBCASE("where nothing is mapped") {
    m.put(kCode, {0x10000237, 0x00020067});  // lui x4, 0x10000; jr x4
    CHECK(m.cpu().enter_guest() == GuestMachine::kFetchFault);
    CHECK(m.csr(Csr::sepc) == GuestMachine::kHole);
    CHECK(m.csr(Csr::stval) == GuestMachine::kHole);
    CHECK(m.csr(Csr::htval) == GuestMachine::kHole >> 2);
    CHECK(m.csr(Csr::htinst) == 0);
    CHECK(m.cpu().instructions() == 2);
  }
  SUBCASE("where no memory is") {
    const std::uint64_t end = GuestMachine::kRam + GuestMachine::kRamSize;
    m.cpu().write(Csr::sepc, end);
    CHECK(m.cpu().enter_guest() == of(Cause::InstructionAccessFault));
    CHECK(m.csr(Csr::stval) == end);
  }
}

TEST_CASE("a fault of a table of the VS-stage is an implicit access's") {
  GuestMachine m({code::load(3, 5, 6, 8)});
  const std::uint64_t root = GuestMachine::kRam + 0x20'0000;
  m.word(root + 2 * 8) = GuestMachine::entry(GuestMachine::kRam, 0xcf);
  m.word(root) = GuestMachine::entry(0x1234'5000, 1);
  m.cpu().write(Csr::vsatp, 8ULL << 60 | root >> 12);
  m.cpu().set_gpr(6, 0x20'0000);
  CHECK(m.cpu().enter_guest() == GuestMachine::kLoadFault);
  CHECK(m.csr(Csr::stval) == 0x20'0008);
  CHECK(m.csr(Csr::htval) == (0x1234'5000 + 8) >> 2);
  CHECK(m.csr(Csr::htinst) == 0x3000);
}

TEST_CASE("what HS-mode could do traps as a virtual instruction, the rest is illegal") {
  struct Row {
    std::uint32_t word;
    bool user;
    std::uint64_t expected;
  };
  constexpr std::uint64_t kVirtual = GuestMachine::kVirtual;
  constexpr std::uint64_t kIllegal = GuestMachine::kIllegal;
  const Row rows[] = {
      {code::csrrs(5, Csr::hstatus, 0), false, kVirtual},
      {code::csrrw(0, Csr::hgatp, 5), false, kVirtual},
      {code::csrrs(5, Csr::vsstatus, 0), false, kVirtual},
      {code::csrrs(5, Csr::vstimecmp, 0), true, kVirtual},
      {code::csrrw(0, Csr::hgeip, 5), false, kIllegal},  // read only
      {code::csrrs(5, Csr::sstatus, 0), true, kVirtual},
      {code::csrrs(5, Csr::sip, 0), true, kVirtual},
      {code::csrrw(0, Csr::satp, 5), true, kVirtual},
      {0x30002573, false, kIllegal},  // csrr x10, mstatus
      {0x5c002573, false, kIllegal},  // a custom CSR
      {code::csrrw(0, Csr::time, 5), false, kIllegal},
      {code::kSfenceVma, true, kVirtual},
      {code::kWfi, true, kVirtual},
      {code::kSret, true, kVirtual},
      {0x30200073, false, kIllegal},  // mret
      {0x62000073, false, kVirtual},  // hfence.gvma
      {0x22000073, true, kVirtual},   // hfence.vvma
      {0x6c054573, false, kVirtual},  // hlv.d x10, (x10)
      {0x64354573, false, kVirtual},  // hlvx.hu
      {0x6aa54073, true, kVirtual},   // hsv.w
      {0x6c354573, false, kIllegal},  // hlvx of no width
  };
  for (const Row& row : rows) {
    CAPTURE(row.word);
    GuestMachine m({row.word});
    if (row.user) m.enter_user();
    CHECK(m.cpu().enter_guest() == row.expected);
    CHECK(m.csr(Csr::stval) == row.word);
    CHECK(m.csr(Csr::sepc) == kCode);
    CHECK(m.cpu().instructions() == 0);
  }
}

TEST_CASE("hstatus makes VS-mode's own instructions trap") {
  GuestMachine m({});
  const auto cause_of = [&](std::uint32_t word) {
    m.put(kCode, {word, code::kEcall});
    m.machine->forget_code();
    m.cpu().write(Csr::sepc, kCode);
    m.cpu().write(Csr::vsepc, kCode + 4);
    m.cpu().write(Csr::vsstatus, status::SPP);
    m.cpu().write(Csr::sstatus, m.csr(Csr::sstatus) | status::SPP);
    return m.cpu().enter_guest();
  };
  for (const std::uint32_t word :
       {code::kSfenceVma, code::csrrs(5, Csr::satp, 0), code::csrrw(0, Csr::satp, 0)}) {
    m.cpu().write(Csr::hstatus, hstatus::SPV);
    CHECK(cause_of(word) == GuestMachine::kEcallFromVs);
    m.cpu().write(Csr::hstatus, hstatus::SPV | hstatus::VTVM);
    CHECK(cause_of(word) == GuestMachine::kVirtual);
  }
  m.cpu().write(Csr::hstatus, hstatus::SPV);
  CHECK(cause_of(code::kSret) == GuestMachine::kEcallFromVs);
  m.cpu().write(Csr::hstatus, hstatus::SPV | hstatus::VTSR);
  CHECK(cause_of(code::kSret) == GuestMachine::kVirtual);
  m.cpu().write(Csr::hstatus, hstatus::SPV);
  CHECK(cause_of(code::kSret) == GuestMachine::kEcallFromVs);
}

TEST_CASE("a guest that only ever faults is stuck") {
  GuestMachine m({0});
  m.delegate();
  m.cpu().write(Csr::vstvec, GuestMachine::kHole);
  m.cpu().write(Csr::hedeleg, ~0ULL);
  for (int n = 0; n < 2000 && m.cpu().failure().empty(); ++n) {
    CHECK(m.cpu().enter_guest() == GuestMachine::kFetchFault);
  }
  CHECK(m.cpu().enter_guest() == of(Cause::HardwareError));
  CHECK(m.cpu().guest_is_stuck());
}

}  // namespace
}  // namespace axvm::sim::riscv64::test
