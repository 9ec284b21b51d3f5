// A trap leaves the engine in the middle of things. What EL2 does before it goes on must not tell.

#include <doctest/doctest.h>

#include <functional>
#include <thread>

#include "guest_machine.hpp"

namespace axvm::sim::aarch64 {
namespace {

constexpr std::uint64_t kCode = GuestMachine::kCode;

constexpr std::initializer_list<std::uint32_t> kTraps = {
    0xd4000022,  // hvc #1
    0x91000421,  // add x1, x1, #1
    0xd5181021,  // msr actlr_el1, x1
    0x91000821,  // add x1, x1, #2
    0xd503207f,  // wfi
    0x91001021,  // add x1, x1, #4
    0xd5380402,  // mrs x2, id_aa64pfr0_el1
    0x91002021,  // add x1, x1, #8
    0xb9400083,  // ldr w3, [x4]
    0x91004021,  // add x1, x1, #16
    0xd40000e2,  // hvc #7
};

struct Outcome {
  std::uint64_t x1 = 0;
  std::uint64_t x3 = 0;
  std::uint64_t instructions = 0;
  std::uint64_t elr = 0;
  std::uint64_t spsr = 0;
  int traps = 0;
  friend bool operator==(const Outcome&, const Outcome&) = default;
};

/// Answers every trap up to HVC #7, and does `meanwhile` at each.
Outcome run(const std::function<void(GuestMachine&)>& meanwhile) {
  GuestMachine m(kTraps, 2);
  Pcpu& cpu = m.cpu();
  cpu.set_gpr(4, 0x0900'0018);  // nothing is mapped there
  Outcome outcome;
  do {
    REQUIRE(cpu.enter_guest() == Vector::Synchronous);
    ++outcome.traps;
    if (m.ec() == 0x24) cpu.set_gpr(3, 0x1234);
    if (m.ec() != 0x16) m.skip_instruction();
    meanwhile(m);
  } while (m.esr() != 0x5a000007);
  outcome.x1 = cpu.gpr(1);
  outcome.x3 = cpu.gpr(3);
  outcome.instructions = cpu.instructions();
  outcome.elr = m.elr();
  outcome.spsr = cpu.read(GuestMachine::kSpsr);
  return outcome;
}

TEST_CASE("a guest goes on after a trap, whatever EL2 has done to the CPU meanwhile") {
  const Outcome plain = run([](GuestMachine&) {});
  CHECK(
      plain ==
      Outcome{
          .x1 = 31, .x3 = 0x1234, .instructions = 7, .elr = kCode + 44, .spsr = 0x3c5, .traps = 6});

  CHECK(plain == run([](GuestMachine& m) { m.cpu().tlbi(Tlbi::VMALLS12E1IS, 0); }));
  CHECK(plain == run([](GuestMachine& m) { m.cpu().ic_ialluis(); }));
  CHECK(plain == run([](GuestMachine& m) { m.cpu().write(GuestMachine::kVbar, 0x4000'0000); }));
  CHECK(plain == run([](GuestMachine& m) { m.cpu().write(GuestMachine::kSpsr, 0x3c5); }));
  CHECK(plain == run([](GuestMachine& m) { static_cast<void>(Digest::of(*m.machine)); }));
  CHECK(plain == run([](GuestMachine& m) {
          // The watches of the present controls are withdrawn and set anew.
          m.cpu().write(GuestMachine::kHcr, GuestMachine::kHcrValue & ~(1ULL << 21));
          m.cpu().write(GuestMachine::kHcr, GuestMachine::kHcrValue);
        }));
  CHECK(plain == run([](GuestMachine& m) {
          std::thread([&] { static_cast<void>(m.cpu().gpr(1)); }).join();
        }));
}

TEST_CASE("another CPU writes to the code that a trapped guest goes on with") {
  GuestMachine m(kTraps, 2);
  REQUIRE(m.cpu().enter_guest() == Vector::Synchronous);
  m.put(kCode + 0x1000, {
                            0xb9000001,  // str w1, [x0]
                            0xd40000e2,  // hvc #7
                        });
  Pcpu& other = m.cpu(1);
  other.write(GuestMachine::kElr, kCode + 0x1000);
  other.set_gpr(0, kCode + 4);
  other.set_gpr(1, 0x91010021);  // add x1, x1, #64
  REQUIRE(other.enter_guest() == Vector::Synchronous);
  REQUIRE(m.cpu().enter_guest() == Vector::Synchronous);
  CHECK(m.elr() == kCode + 8);
  CHECK(m.cpu().gpr(1) == 64);
}

TEST_CASE("an instruction that is watched twice traps once") {
  GuestMachine m({
      0xd5181021,  // 1: msr actlr_el1, x1
      0x17ffffff,  // b 1b
  });
  REQUIRE(m.cpu().enter_guest() == Vector::Synchronous);
  // Now so many of them that the page is watched as a whole, too.
  for (std::uint64_t i = 0; i < 32; ++i) m.put(kCode + 0x100 + 4 * i, {0xd5181021});
  m.cpu().ic_ialluis();
  for (std::uint64_t traps = 1; traps < 4; ++traps) {
    m.skip_instruction();
    REQUIRE(m.cpu().enter_guest() == Vector::Synchronous);
    CHECK(m.elr() == kCode);
    CHECK(m.cpu().instructions() == traps);
  }
}

TEST_CASE("a trap returns to where EL2 says") {
  GuestMachine m(kTraps);
  REQUIRE(m.cpu().enter_guest() == Vector::Synchronous);
  SUBCASE("forwards") {
    m.cpu().write(GuestMachine::kElr, kCode + 40);
    REQUIRE(m.cpu().enter_guest() == Vector::Synchronous);
    CHECK(m.esr() == 0x5a000007);
    CHECK(m.cpu().gpr(1) == 0);
  }
  SUBCASE("to the trapping instruction itself") {
    REQUIRE(m.cpu().enter_guest() == Vector::Synchronous);  // the MSR
    REQUIRE(m.elr() == kCode + 8);
    REQUIRE(m.cpu().enter_guest() == Vector::Synchronous);
    CHECK(m.elr() == kCode + 8);
    CHECK(m.cpu().gpr(1) == 1);
    CHECK(m.cpu().instructions() == 2);
  }
  SUBCASE("to EL0") {
    // HVC is undefined there.
    m.cpu().write(GuestMachine::kSpsr, 0);
    m.cpu().write(GuestMachine::kElr, kCode + 40);
    m.cpu().write(GuestMachine::kVbar, kCode + 0x800);
    m.put(kCode + 0x800 + 0x400, {0xd40000e2});  // hvc #7
    m.cpu().ic_ialluis();
    REQUIRE(m.cpu().enter_guest() == Vector::Synchronous);
    CHECK(m.esr() == 0x5a000007);
    CHECK(m.elr() == kCode + 0x800 + 0x404);
  }
}

}  // namespace
}  // namespace axvm::sim::aarch64
