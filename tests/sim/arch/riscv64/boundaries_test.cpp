// What lies between two pages, two blocks, two harts: where the engine's way of doing things must
// not show.

#include <doctest/doctest.h>

#include "guest_machine.hpp"

namespace axvm::sim::riscv64::test {
namespace {

constexpr std::uint64_t kRam = GuestMachine::kRam;
constexpr std::uint64_t kCode = GuestMachine::kCode;
constexpr std::uint64_t kEnd = kCode + 4096;
constexpr std::uint64_t kFar = kRam + 0x30'0000;  ///< the frame of the page at kEnd
constexpr std::uint64_t kInterrupt = 1ULL << 63;

// Bits of VS-stage leaves.
constexpr std::uint64_t kSupervisorPage = 0xcf;
constexpr std::uint64_t kUserPage = 0xdf;

/// Sv39 over identity, but for the page behind the code's, which is far from it in memory.
struct Apart : GuestMachine {
  static constexpr std::uint64_t kTables = kRam + 0x20'0000;
  Apart() : GuestMachine({}) {
    delegate();
    put(kVector, {code::kEcall});
    word(kTables + 2 * 8) = entry(kTables + 0x1000, 1);
    word(kTables + 0x1000) = entry(kTables + 0x2000, 1);
    map(kVector, kVector, kSupervisorPage);
    map(kCode, kCode, kSupervisorPage);
    map(kEnd, kFar, kSupervisorPage);
    cpu().write(Csr::vsatp, 8ULL << 60 | kTables >> 12);
  }
  void map(std::uint64_t va, std::uint64_t pa, std::uint64_t bits) {
    word(kTables + 0x2000 + (va - kRam) / 4096 * 8) = entry(pa, bits);
  }
  /// `instruction` in both pages, and an ECALL behind it.
  void put_across(std::uint32_t instruction) {
    put_half(kEnd - 2, static_cast<std::uint16_t>(instruction));
    put_half(kFar, static_cast<std::uint16_t>(instruction >> 16));
    put(kFar + 2, {code::kEcall});
    cpu().write(Csr::sepc, kEnd - 2);
  }
  /// What comes in memory behind the code's page, where no instruction of the guest goes on.
  void put_behind(std::uint16_t half) { put_half(kEnd, half); }
};

TEST_CASE("CSR instructions in two pages are those of both, wherever these are in memory") {
  Apart m;
  SUBCASE("sstatus has UXL") {
    m.put_across(code::csrrs(5, Csr::sstatus, 0));
    REQUIRE(m.cpu().enter_guest() == GuestMachine::kEcallFromVs);
    CHECK(m.cpu().gpr(5) == status::UXL_64);
  }
  SUBCASE("sepc is even") {
    m.put_across(code::csrrw(0, Csr::sepc, 6));
    m.cpu().set_gpr(6, kCode + 7);
    REQUIRE(m.cpu().enter_guest() == GuestMachine::kEcallFromVs);
    CHECK(m.csr(Csr::vsepc) == kCode + 6);
  }
  SUBCASE("others are not taken for sstatus") {
    const std::uint32_t taken_for = code::csrrs(5, Csr::sstatus, 0);
    m.put_across(code::csrrs(5, Csr::sscratch, 0));
    m.put_behind(static_cast<std::uint16_t>(taken_for >> 16));
    m.cpu().write(Csr::vsscratch, 77);
    REQUIRE(m.cpu().enter_guest() == GuestMachine::kEcallFromVs);
    CHECK(m.cpu().gpr(5) == 77);
  }
  CHECK(m.cpu().instructions() == 1);
}

TEST_CASE("an instruction may begin in the last two bytes of memory") {
  Apart m;
  constexpr std::uint64_t kLast = kRam + GuestMachine::kRamSize - 4096;
  m.map(kCode, kLast, kSupervisorPage);
  const std::uint32_t word = code::csrrs(5, Csr::sscratch, 0);
  m.put_across(word);
  m.put_half(kLast + 4094, static_cast<std::uint16_t>(word));
  m.cpu().write(Csr::vsscratch, 9);
  REQUIRE(m.cpu().enter_guest() == GuestMachine::kEcallFromVs);
  CHECK(m.cpu().gpr(5) == 9);
}

/// S-mode returns to U-mode, just behind, with an interrupt pending that only U-mode lets in.
struct Return : Apart {
  explicit Return(bool in_two_pages) {
    map(kEnd, kFar, kUserPage);
    if (in_two_pages) {
      // SRET itself is fetched with S-mode's rights: its second half needs a page of S-mode's.
      map(kEnd, kFar, kSupervisorPage);
      put_across(code::kSret);
    } else {
      put(kEnd - 4, {code::kSret});
      put(kFar, {code::kNop, code::kNop, code::kEcall});
      cpu().write(Csr::sepc, kEnd - 4);
    }
    cpu().write(Csr::vsie, interrupt::SSI);
    cpu().write(Csr::hvip, interrupt::VSSI);
  }
};

TEST_CASE("behind SRET an interrupt is taken, whatever is remembered of the code") {
  for (const std::uint64_t seed : {0U, 1U, 2U, 3U, 4U, 5U, 6U, 7U, 8U}) {
    CAPTURE(seed);
    Return m(false);
    m.cpu().write(Csr::vsepc, kEnd);
    m.cpu().set_chaos(seed);
    REQUIRE(m.cpu().enter_guest() == GuestMachine::kEcallFromVs);
    CHECK(m.csr(Csr::vscause) == (kInterrupt | 1));
    CHECK(m.csr(Csr::vsepc) == kEnd);
    CHECK(m.cpu().instructions() == 1);
  }
}

TEST_CASE("behind an SRET in two pages, too") {
  Return m(true);
  m.cpu().write(Csr::vsstatus, status::SPP | status::SPIE);  // S-mode goes on in S-mode
  m.cpu().write(Csr::vsepc, kEnd + 2);
  REQUIRE(m.cpu().enter_guest() == GuestMachine::kEcallFromVs);
  CHECK(m.csr(Csr::vscause) == (kInterrupt | 1));
  CHECK(m.csr(Csr::vsepc) == kEnd + 2);
}

TEST_CASE("an interrupt comes before the fault of the fetch behind it") {
  Apart m;
  m.map(kEnd, kFar, 0);
  m.cpu().write(Csr::vsie, interrupt::SEI);
  SUBCASE("HS-mode returns there") {
    m.cpu().write(Csr::sepc, kEnd);
    m.cpu().write(Csr::vsstatus, status::SIE);
    m.cpu().write(Csr::hvip, interrupt::VSEI);
    REQUIRE(m.cpu().enter_guest() == GuestMachine::kEcallFromVs);
    CHECK(m.csr(Csr::vscause) == (kInterrupt | 9));
    CHECK(m.csr(Csr::vsepc) == kEnd);
  }
  SUBCASE("the last instruction of a page lets it in") {
    m.put(kEnd - 4, {code::csrrsi(0, Csr::sstatus, 2)});
    m.cpu().write(Csr::sepc, kEnd - 4);
    m.cpu().write(Csr::hvip, interrupt::VSEI);
    REQUIRE(m.cpu().enter_guest() == GuestMachine::kEcallFromVs);
    CHECK(m.csr(Csr::vscause) == (kInterrupt | 9));
    CHECK(m.csr(Csr::vsepc) == kEnd);
    CHECK(m.cpu().instructions() == 1);
  }
  SUBCASE("HS-mode's, too") {
    m.cpu().write(Csr::sepc, kEnd);
    m.cpu().write(Csr::sie, interrupt::SSI);
    m.cpu().write(Csr::sip, interrupt::SSI);
    CHECK(m.cpu().enter_guest() == (kInterrupt | 1));
    CHECK(m.csr(Csr::sepc) == kEnd);
  }
  SUBCASE("and so does the instruction limit") {
    m.put(kEnd - 4, {code::kNop});
    m.cpu().write(Csr::sepc, kEnd - 4);
    m.cpu().set_instruction_limit(1);
    CHECK(m.cpu().enter_guest() == GuestMachine::kTimer);
    CHECK(m.cpu().stopped_at_limit());
    CHECK(m.csr(Csr::sepc) == kEnd);
    m.cpu().set_instruction_limit(Pcpu::kNever);
    REQUIRE(m.cpu().enter_guest() == GuestMachine::kEcallFromVs);
    CHECK(m.csr(Csr::vscause) == static_cast<std::uint64_t>(Cause::InstructionPageFault));
  }
}

TEST_CASE("an AMO faults for its store, in the order of the stages") {
  Apart m;
  constexpr std::uint64_t kPage = kRam + 0x8'2000;
  constexpr std::uint32_t kAmoadd = 0x0073'32af;  // AMOADD.D x5, x7, (x6)
  m.put(kCode, {kAmoadd, code::kEcall});
  m.cpu().set_gpr(6, kPage + 8);
  SUBCASE("the guest's own tables permit loads only, and memory is not there") {
    m.map(kPage, GuestMachine::kHole, 0xc3);  // V, R, A, D
    REQUIRE(m.cpu().enter_guest() == GuestMachine::kEcallFromVs);
    CHECK(m.csr(Csr::vscause) == static_cast<std::uint64_t>(Cause::StorePageFault));
    CHECK(m.csr(Csr::vstval) == kPage + 8);
  }
  SUBCASE("they permit stores") {
    m.map(kPage, GuestMachine::kHole, 0xc7);
    CHECK(m.cpu().enter_guest() == GuestMachine::kStoreFault);
    CHECK(m.csr(Csr::htval) == (GuestMachine::kHole + 8) >> 2);
  }
}

TEST_CASE("code that is full of instructions to look at is executed all the same") {
  for (const std::uint64_t seed : {0U, 3U}) {
    CAPTURE(seed);
    GuestMachine m({});
    // Not aligned: the last of each page is in two.
    for (std::uint64_t at = kCode + 2; at < kCode + 4 * 4096; at += 4) {
      const std::uint32_t word = code::csrrs(5, Csr::time, 0);
      m.put_half(at, static_cast<std::uint16_t>(word));
      m.put_half(at + 2, static_cast<std::uint16_t>(word >> 16));
    }
    m.put(kCode + 4 * 4096 + 2, {code::kEcall});
    m.cpu().set_chaos(seed);
    m.cpu().write(Csr::sepc, kCode + 2);
    CHECK(m.cpu().enter_guest() == GuestMachine::kEcallFromVs);
    CHECK(m.csr(Csr::sepc) == kCode + 4 * 4096 + 2);
    CHECK(m.cpu().instructions() == 4 * 1024);
  }
}

TEST_CASE("floating-point registers may be the guest's to change: HS-mode's FS is Dirty") {
  GuestMachine m({code::kEcall});
  constexpr std::uint64_t kClean = 2ULL << 13;
  m.cpu().write(Csr::sstatus, status::SPP | kClean);
  CHECK(m.cpu().enter_guest() == GuestMachine::kEcallFromVs);
  CHECK((m.csr(Csr::sstatus) & status::FS) == status::FS);
}

/// LR.D x5, (x6); the hart leaves and comes back; SC.D x8, x7, (x6).
struct Reservation : GuestMachine {
  static constexpr std::uint32_t kLr = 0x1003'32af;
  static constexpr std::uint32_t kSc = 0x1873'342f;
  Reservation() : GuestMachine({kLr, code::kEcall, kSc, code::kEcall}, 2) {
    cpu().set_gpr(6, kData);
    cpu().set_gpr(7, 1);
    REQUIRE(cpu().enter_guest() == kEcallFromVs);
  }
  std::uint64_t store_conditional() {
    cpu().write(Csr::sepc, kCode + 8);
    REQUIRE(cpu().enter_guest() == kEcallFromVs);
    return cpu().gpr(8);
  }
};

TEST_CASE("a reservation outlives a trap, and no other hart's turn") {
  Reservation m;
  SUBCASE("nobody else has run") { CHECK(m.store_conditional() == 0); }
  SUBCASE("another hart has, and left what was there") {
    m.put(kCode + 0x100, {code::store(3, 7, 6, 0), code::store(3, 0, 6, 0), code::kEcall});
    m.cpu(1).set_gpr(6, GuestMachine::kData);
    m.cpu(1).write(Csr::sepc, kCode + 0x100);
    REQUIRE(m.cpu(1).enter_guest() == GuestMachine::kEcallFromVs);
    CHECK(m.store_conditional() == 1);
    CHECK(m.word(GuestMachine::kData) == 0);
  }
  SUBCASE("HS-mode has cleared it") {
    m.cpu().clear_reservation();
    CHECK(m.store_conditional() == 1);
  }
}

}  // namespace
}  // namespace axvm::sim::riscv64::test
