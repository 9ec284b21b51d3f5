// Code that changes, crosses pages, or cannot be fetched ahead of time; reservations; exact stops.

#include <doctest/doctest.h>

#include <sim/arch/riscv64/mmu.hpp>

#include "guest_machine.hpp"

namespace axvm::sim::riscv64::test {
namespace {

constexpr std::uint64_t kCode = GuestMachine::kCode;
/// The last instruction that begins before the page's end is at kEnd - 2.
constexpr std::uint64_t kEnd = kCode + 0x1000;

TEST_CASE("a store into the running block is executed as it is then") {
  GuestMachine m({
      code::store(2, 6, 7, 12),  // sw x6, 12(x7): the one after the next
      code::addi(5, 5, 1),
      code::addi(5, 5, 2),
      code::addi(5, 5, 4),  // becomes addi x5, x5, 64
      code::kEcall,
  });
  m.cpu().set_gpr(6, code::addi(5, 5, 64));
  m.cpu().set_gpr(7, kCode);
  CHECK(m.cpu().enter_guest() == GuestMachine::kEcallFromVs);
  CHECK(m.cpu().gpr(5) == 67);
  CHECK(m.cpu().instructions() == 4);
}

TEST_CASE("what another hart writes is executed") {
  GuestMachine m({code::addi(5, 0, 1), code::kEcall}, 2);
  m.put(kCode + 0x2000, {code::store(2, 6, 7, 0), code::kEcall});
  CHECK(m.cpu(0).enter_guest() == GuestMachine::kEcallFromVs);
  m.cpu(1).write(Csr::sepc, kCode + 0x2000);
  m.cpu(1).set_gpr(6, code::addi(5, 0, 2));
  m.cpu(1).set_gpr(7, kCode);
  CHECK(m.cpu(1).enter_guest() == GuestMachine::kEcallFromVs);
  m.cpu(0).write(Csr::sepc, kCode);
  CHECK(m.cpu(0).enter_guest() == GuestMachine::kEcallFromVs);
  CHECK(m.cpu(0).gpr(5) == 2);
}

/// Sv39 over identity, with pages of 4 KiB from kCode on; the second one is not there.
struct TwoPages : GuestMachine {
  static constexpr std::uint64_t kTables = kRam + 0x20'0000;
  TwoPages() : GuestMachine({}) {
    delegate();
    put(kVector, {code::kEcall});
    word(kTables + 2 * 8) = entry(kTables + 0x1000, 1);
    word(kTables + 0x1000) = entry(kTables + 0x2000, 1);
    map(kVector, 0xcf);
    map(kCode, 0xcf);
    cpu().write(Csr::vsatp, 8ULL << 60 | kTables >> 12);
    // addi, addi, a compressed nop, and one that crosses into the next page.
    put(kEnd - 12, {code::addi(5, 5, 1), code::addi(5, 5, 2)});
    put_half(kEnd - 4, code::kCompressedNop);
    put_half(kEnd - 2, static_cast<std::uint16_t>(code::addi(5, 5, 4)));
    put_half(kEnd, static_cast<std::uint16_t>(code::addi(5, 5, 4) >> 16));
    put(kEnd + 2, {code::kEcall});
    cpu().write(Csr::sepc, kEnd - 12);
  }
  void map(std::uint64_t va, std::uint64_t bits) {
    word(kTables + 0x2000 + (va - kRam) / 4096 * 8) = entry(va, bits);
  }
};

TEST_CASE("an instruction that goes on in a missing page faults when its turn comes") {
  TwoPages m;
  REQUIRE(m.cpu().enter_guest() == GuestMachine::kEcallFromVs);
  CHECK(m.csr(Csr::sepc) == GuestMachine::kVector);
  CHECK(m.csr(Csr::vscause) == static_cast<std::uint64_t>(Cause::InstructionPageFault));
  CHECK(m.csr(Csr::vsepc) == kEnd - 2);
  CHECK(m.csr(Csr::vstval) == kEnd);
  CHECK(m.cpu().gpr(5) == 3);
  CHECK(m.cpu().instructions() == 3);
  m.map(kEnd, 0xcf);
  m.cpu().write(Csr::sepc, kEnd - 2);
  REQUIRE(m.cpu().enter_guest() == GuestMachine::kEcallFromVs);
  CHECK(m.csr(Csr::sepc) == kEnd + 2);
  CHECK(m.cpu().gpr(5) == 7);
  CHECK(m.cpu().instructions() == 4);
}

TEST_CASE("a faulting instruction before a page's end does not fetch the next page") {
  TwoPages m;
  m.put(kEnd - 8, {code::load(3, 6, 0, 0)});  // from address 0, which is not mapped
  m.machine->memory_written(kEnd - 8, 4);
  m.map(kEnd, 0xcf);
  REQUIRE(m.cpu().enter_guest() == GuestMachine::kEcallFromVs);
  CHECK(m.csr(Csr::vscause) == static_cast<std::uint64_t>(Cause::LoadPageFault));
  CHECK(m.csr(Csr::vsepc) == kEnd - 8);
  bool fetched = false;
  m.cpu().mmu().tlb().for_each([&](TlbTag, const TlbEntry& e) { fetched |= e.input == kEnd; });
  CHECK_FALSE(fetched);
}

TEST_CASE("a G-stage fault of the second half has that half's address") {
  GuestMachine m({});
  m.word(GuestMachine::kRoot + 2 * 8) = GuestMachine::entry(TwoPages::kTables, 1);
  m.word(TwoPages::kTables) = GuestMachine::entry(TwoPages::kTables + 0x1000, 1);
  m.word(TwoPages::kTables + 0x1000 + (kCode - GuestMachine::kRam) / 4096 * 8) =
      GuestMachine::entry(kCode);
  m.put_half(kEnd - 2, static_cast<std::uint16_t>(code::kNop));
  m.cpu().write(Csr::sepc, kEnd - 2);
  CHECK(m.cpu().enter_guest() == GuestMachine::kFetchFault);
  CHECK(m.csr(Csr::sepc) == kEnd - 2);
  CHECK(m.csr(Csr::stval) == kEnd);
  CHECK(m.csr(Csr::htval) == kEnd >> 2);
  CHECK(m.csr(Csr::htinst) == 0);
}

TEST_CASE("CSR instructions that cross pages are carried out, too") {
  for (const Csr csr : {Csr::instret, Csr::sip, Csr::sstatus, Csr::sscratch, Csr::time}) {
    CAPTURE(static_cast<unsigned>(csr));
    GuestMachine m({});
    m.put(kEnd - 6, {code::kNop});
    const std::uint32_t word = code::csrrs(5, csr, 0);
    m.put_half(kEnd - 2, static_cast<std::uint16_t>(word));
    m.put_half(kEnd, static_cast<std::uint16_t>(word >> 16));
    m.put(kEnd + 2, {code::kEcall});
    m.cpu().write(Csr::sepc, kEnd - 6);
    m.cpu().write(Csr::vsscratch, 77);
    m.cpu().set_gpr(5, 0x5eed);
    CHECK(m.cpu().enter_guest() == GuestMachine::kEcallFromVs);
    CHECK(m.csr(Csr::sepc) == kEnd + 2);
    const std::uint64_t expected = csr == Csr::instret    ? 1
                                   : csr == Csr::sstatus  ? status::UXL_64
                                   : csr == Csr::sscratch ? 77
                                                          : 0;
    CHECK(m.cpu().gpr(5) == expected);
    CHECK(m.cpu().instructions() == 2);
  }
}

TEST_CASE("an instruction that is none at a page's first byte") {
  GuestMachine m({0x0000'0000});
  m.delegate();
  m.put(GuestMachine::kVector, {code::kEcall});
  // What is before it is code of its own, and stays that.
  m.put(kCode - 4, {code::kEcall});
  CHECK(m.cpu().enter_guest() == GuestMachine::kEcallFromVs);
  CHECK(m.csr(Csr::vscause) == GuestMachine::kIllegal);
  m.cpu().write(Csr::sepc, kCode - 4);
  CHECK(m.cpu().enter_guest() == GuestMachine::kEcallFromVs);
  CHECK(m.csr(Csr::sepc) == kCode - 4);
}

TEST_CASE("stops are exact, wherever they are") {
  GuestMachine m({});
  for (unsigned n = 0; n < 8; ++n) m.put_half(kCode + 2 * n, code::kCompressedNop);
  m.put(kCode + 16, {code::addi(5, 5, 1), code::csrrs(6, Csr::instret, 0), code::jal(0, -24)});
  for (std::uint64_t n = 1; n < 60; ++n) {
    CAPTURE(n);
    m.cpu().set_instruction_limit(n);
    REQUIRE(m.cpu().enter_guest() == GuestMachine::kTimer);
    CHECK(m.cpu().instructions() == n);
    const std::uint64_t in_loop = n % 11;
    CHECK(m.csr(Csr::sepc) == kCode + (in_loop <= 8 ? 2 * in_loop : 16 + 4 * (in_loop - 8)));
    CHECK(m.cpu().gpr(5) == n / 11 + (in_loop > 8 ? 1 : 0));
  }
}

TEST_CASE("a reservation outlives stops and looks, and another hart's store ends it") {
  GuestMachine m({0x100a32af /* lr.d x5, (x20) */, code::kNop, 0x186a33af /* sc.d x7, x6, (x20) */,
                  code::kEcall},
                 2);
  m.cpu().set_gpr(20, GuestMachine::kData);
  m.cpu().set_gpr(6, 9);
  m.cpu().set_instruction_limit(2);
  REQUIRE(m.cpu().enter_guest() == GuestMachine::kTimer);
  static_cast<void>(Digest::of(*m.machine));
  std::uint64_t expected = 0;
  SUBCASE("nobody") {}
  SUBCASE("another hart") {
    m.word(GuestMachine::kData) = 5;
    expected = 1;
  }
  m.cpu().set_instruction_limit(Pcpu::kNever);
  REQUIRE(m.cpu().enter_guest() == GuestMachine::kEcallFromVs);
  CHECK(m.cpu().gpr(7) == expected);
  CHECK(m.word(GuestMachine::kData) == (expected == 0 ? 9 : 5));
}

TEST_CASE("any mode of the VS-stage and the G-stage runs code") {
  for (const std::uint64_t vs : {8ULL, 9ULL, 10ULL}) {
    for (const std::uint64_t g : {0ULL, 8ULL, 9ULL, 10ULL}) {
      CAPTURE(vs);
      CAPTURE(g);
      GuestMachine m({code::addi(5, 0, 7), code::load(3, 6, 0, 0), code::kEcall});
      // Roots whose every entry leads down to a gigabyte: the lowest level that is used is 2.
      std::uint64_t table = GuestMachine::kRam + 0x20'0000;
      std::uint64_t below = 0;
      for (std::uint64_t mode = 8; mode <= vs; ++mode) {
        const std::uint64_t e = mode == 8 ? GuestMachine::entry(GuestMachine::kRam, 0xcf)
                                          : GuestMachine::entry(below, 1);
        m.word(table + (mode == 8 ? 2 * 8 : 0)) = e;
        below = table;
        table += 0x1000;
      }
      m.cpu().write(Csr::vsatp, vs << 60 | below >> 12);
      table = GuestMachine::kRam + 0x30'0000;
      for (std::uint64_t mode = 8; mode <= g; ++mode) {
        const std::uint64_t e =
            mode == 8 ? GuestMachine::entry(GuestMachine::kRam) : GuestMachine::entry(below, 1);
        m.word(table + (mode == 8 ? 2 * 8 : 0)) = e;
        below = table;
        table += 0x4000;
      }
      m.cpu().write(Csr::hgatp, g << 60 | (g == 0 ? 0 : below >> 12));
      CHECK(m.cpu().enter_guest() == static_cast<std::uint64_t>(Cause::LoadPageFault));
      CHECK(m.cpu().gpr(5) == 7);
    }
  }
}

}  // namespace
}  // namespace axvm::sim::riscv64::test
