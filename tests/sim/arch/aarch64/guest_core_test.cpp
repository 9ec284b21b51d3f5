#include <doctest/doctest.h>

#include <vector>

#include "guest_machine.hpp"

namespace axvm::sim::aarch64 {
namespace {

constexpr std::uint64_t kCode = GuestMachine::kCode;

constexpr std::initializer_list<std::uint32_t> kCountDown = {
    0xd2800c80,  // mov x0, #100
    0x8b000021,  // add x1, x1, x0
    0xf1000400,  // subs x0, x0, #1
    0x54ffffc1,  // b.ne -8
    0xd40000e2,  // hvc #7
};

TEST_CASE("retired instructions are counted exactly and HVC traps after itself") {
  GuestMachine m(kCountDown);
  CHECK(m.cpu().enter_guest() == Vector::Synchronous);
  CHECK(m.esr() == 0x5a000007);  // EC 0x16, IL, imm16 7
  CHECK(m.elr() == kCode + 20);
  CHECK(m.cpu().instructions() == 1 + 3 * 100 + 1);
  CHECK(m.cpu().time() == m.cpu().instructions());
  CHECK(m.cpu().gpr(1) == 5050);
}

TEST_CASE("a trapping instruction leaves everything after it undone") {
  SUBCASE("MSR of a trapped register") {
    GuestMachine m({
        0xd2800041,  // mov x1, #2
        0xd5181021,  // msr actlr_el1, x1
        0xd2800061,  // mov x1, #3
    });
    CHECK(m.cpu().enter_guest() == Vector::Synchronous);
    CHECK(m.esr() == (0x62000000ULL | (3 << 20) | (1 << 17) | (1 << 10) | (1 << 5)));
    CHECK(m.elr() == kCode + 4);
    CHECK(m.cpu().gpr(1) == 2);
    CHECK(m.cpu().instructions() == 1);
  }
  SUBCASE("MRS of a trapped register in the middle of a block") {
    GuestMachine m({
        0xd2800021,  // mov x1, #1
        0xd5380402,  // mrs x2, id_aa64pfr0_el1
        0xd2800041,  // mov x1, #2
        0xd40000e2,  // hvc #7
    });
    CHECK(m.cpu().enter_guest() == Vector::Synchronous);
    CHECK(m.esr() == (0x62000001ULL | (3 << 20) | (2 << 5) | (4 << 1)));
    CHECK(m.elr() == kCode + 4);
    CHECK(m.cpu().gpr(1) == 1);
    CHECK(m.cpu().instructions() == 1);
    m.cpu().set_gpr(2, 0x22);
    m.skip_instruction();
    CHECK(m.cpu().enter_guest() == Vector::Synchronous);
    CHECK(m.ec() == 0x16);
    CHECK(m.cpu().gpr(2) == 0x22);
    CHECK(m.cpu().gpr(1) == 2);
    CHECK(m.cpu().instructions() == 3);
  }
  SUBCASE("WFI and WFE") {
    GuestMachine m({
        0xd2800061,  // mov x1, #3
        0xd503207f,  // wfi
        0xd2800081,  // mov x1, #4
        0xd503205f,  // wfe: takes the event of the return from EL2
        0xd503205f,  // wfe
        0xd28000a1,  // mov x1, #5
    });
    CHECK(m.cpu().enter_guest() == Vector::Synchronous);
    CHECK(m.esr() == 0x07e00000);  // EC 1, IL, CV, COND always
    CHECK(m.elr() == kCode + 4);
    CHECK(m.cpu().instructions() == 1);
    m.skip_instruction();
    CHECK(m.cpu().enter_guest() == Vector::Synchronous);
    CHECK(m.esr() == 0x07e00001);
    CHECK(m.elr() == kCode + 16);
    CHECK(m.cpu().gpr(1) == 4);
    CHECK(m.cpu().instructions() == 3);
  }
  SUBCASE("SMC reports itself, not its successor") {
    GuestMachine m({0xd40000a3});  // smc #5
    CHECK(m.cpu().enter_guest() == Vector::Synchronous);
    CHECK(m.esr() == 0x5e000005);
    CHECK(m.elr() == kCode);
    CHECK(m.cpu().instructions() == 0);
  }
}

TEST_CASE("timers, debug registers and performance monitors trap as EL2 says") {
  constexpr SysReg kMdcr(3, 4, 1, 1, 1);
  constexpr SysReg kCnthctl(3, 4, 14, 1, 0);
  GuestMachine m({
      0xd53be021,  // mrs x1, cntpct_el0
      0xd53be222,  // mrs x2, cntp_ctl_el0
      0xd51be322,  // msr cntv_ctl_el0, x2
      0xd5300243,  // mrs x3, mdscr_el1
      0xd53b9c04,  // mrs x4, pmcr_el0
      0xd40000e2,  // hvc #7
  });
  SUBCASE("all of them, but not the virtual timer") {
    m.cpu().write(kMdcr, (1 << 9) | (1 << 6));
    for (const std::uint64_t at : {0UL, 4UL, 12UL, 16UL}) {
      CHECK(m.cpu().enter_guest() == Vector::Synchronous);
      CHECK(m.ec() == 0x18);
      CHECK(m.elr() == kCode + at);
      m.skip_instruction();
    }
  }
  SUBCASE("none of them") { m.cpu().write(kCnthctl, 3); }
  CHECK(m.cpu().enter_guest() == Vector::Synchronous);
  CHECK(m.ec() == 0x16);
}

TEST_CASE("a stage-2 data abort carries address, IPA and the instruction's syndrome") {
  GuestMachine m({
      0xd2a12004,  // mov x4, #0x09000000
      0xb9400883,  // ldr w3, [x4, #8]
      0x79000085,  // strh w5, [x4]
  });
  CHECK(m.cpu().enter_guest() == Vector::Synchronous);
  // EC 0x24, IL, ISV, SAS word, SRT 3, translation fault level 1
  CHECK(m.esr() == 0x93830005);
  CHECK(m.cpu().read(GuestMachine::kFar) == 0x09000008);
  CHECK(m.cpu().read(GuestMachine::kHpfar) == 0x90000);
  CHECK(m.elr() == kCode + 4);
  CHECK(m.cpu().instructions() == 1);
  m.skip_instruction();
  CHECK(m.cpu().enter_guest() == Vector::Synchronous);
  CHECK(m.esr() == 0x93450045);  // SAS half word, SRT 5, WnR
  CHECK(m.cpu().read(GuestMachine::kFar) == 0x09000000);
}

TEST_CASE("SVC goes to the guest's own vector") {
  GuestMachine m({
      0xd2800021,  // mov x1, #1
      0xd4000121,  // svc #9
  });
  m.put(GuestMachine::kRam + 0x1200, {
                                         0xd5384020,  // mrs x0, elr_el1
                                         0xd40000e2,  // hvc #7
                                     });
  m.cpu().write(GuestMachine::kVbar, GuestMachine::kRam + 0x1000);
  CHECK(m.cpu().enter_guest() == Vector::Synchronous);
  CHECK(m.ec() == 0x16);
  CHECK(m.cpu().gpr(0) == kCode + 8);
  CHECK(m.cpu().read(SysReg(3, 0, 5, 2, 0)) == 0x56000009);
  CHECK(m.cpu().instructions() == 4);
}

TEST_CASE("an exception return to EL1 is legal and leaves PSTATE as it was") {
  GuestMachine m({
      0xd4000121,  // svc #9
      0xd40000e2,  // hvc #7
  });
  m.put(GuestMachine::kRam + 0x1200, {0xd69f03e0});  // eret
  m.cpu().write(GuestMachine::kVbar, GuestMachine::kRam + 0x1000);
  CHECK(m.cpu().enter_guest() == Vector::Synchronous);
  CHECK(m.ec() == 0x16);
  CHECK(m.cpu().read(GuestMachine::kSpsr) == 0x3c5);  // PSTATE.IL, bit 20, would mean illegal
}

TEST_CASE("the turn ends at the first branch after its deadline") {
  for (const std::uint64_t chaos : {0UL, 1UL, 2UL, 3UL}) {
    CAPTURE(chaos);
    GuestMachine m(kCountDown);
    m.cpu().set_chaos(chaos);
    m.cpu().set_turn_end(50);
    CHECK(m.cpu().enter_guest() == Vector::Irq);
    // 1 + 3 * 17 instructions: the first iteration that ends past 50.
    CHECK(m.cpu().instructions() == 52);
    CHECK(m.elr() == kCode + 4);
    CHECK_FALSE(m.cpu().stopped_at_limit());
    m.cpu().set_turn_end(Pcpu::kNever);
    CHECK(m.cpu().enter_guest() == Vector::Synchronous);
    CHECK(m.cpu().instructions() == 302);
  }
}

TEST_CASE("a turn without branches is cut a fixed number of instructions late") {
  std::vector<std::uint64_t> stops;
  for (const std::uint64_t chaos : {0UL, 5UL}) {
    GuestMachine m({});
    for (unsigned i = 0; i < 8192; ++i) m.put(kCode + i * 4, {0x91000400});  // add x0, x0, #1
    m.cpu().set_chaos(chaos);
    m.cpu().set_turn_end(100);
    CHECK(m.cpu().enter_guest() == Vector::Irq);
    CHECK(m.cpu().gpr(0) == m.cpu().instructions());
    stops.push_back(m.cpu().instructions());
  }
  CHECK(stops[0] == 100 + 4096);
  CHECK(stops[1] == stops[0]);
}

TEST_CASE("the instruction limit stops exactly, and the stop leaves no trace") {
  GuestMachine reference(kCountDown);
  REQUIRE(reference.cpu().enter_guest() == Vector::Synchronous);
  const std::uint64_t expected = Digest::of(*reference.machine);
  for (const std::uint64_t step : {1UL, 2UL, 3UL, 7UL, 50UL}) {
    CAPTURE(step);
    GuestMachine m(kCountDown);
    std::uint64_t limit = step;
    for (;; limit += step) {
      m.cpu().set_instruction_limit(limit);
      const Vector v = m.cpu().enter_guest();
      if (v == Vector::Synchronous) break;
      REQUIRE(v == Vector::Irq);
      REQUIRE(m.cpu().stopped_at_limit());
      REQUIRE(m.cpu().instructions() == limit);
    }
    CHECK(Digest::of(*m.machine) == expected);
  }
}

TEST_CASE("a store into the running block is executed as written") {
  for (const std::uint64_t chaos : {0UL, 9UL}) {
    GuestMachine m({
        0x10000060,  // adr x0, 1f
        0x18000081,  // ldr w1, 2f
        0xb9000001,  // str w1, [x0]
        0xd2800022,  // 1: mov x2, #1
        0xd4000002,  // hvc #0
        0xd2800042,  // 2: mov x2, #2
    });
    m.cpu().set_chaos(chaos);
    CHECK(m.cpu().enter_guest() == Vector::Synchronous);
    CHECK(m.ec() == 0x16);
    CHECK(m.cpu().gpr(2) == 2);
    CHECK(m.cpu().instructions() == 5);
  }
}

TEST_CASE("code written by another pCPU or by the host is fetched anew") {
  GuestMachine m(
      {
          0xd2800022,  // mov x2, #1
          0xd4000002,  // hvc #0
      },
      2);
  CHECK(m.cpu(0).enter_guest() == Vector::Synchronous);
  CHECK(m.cpu(0).gpr(2) == 1);
  m.put(kCode + 0x1000, {
                            0xb9000001,  // str w1, [x0]
                            0xd4000002,  // hvc #0
                        });
  m.cpu(1).write(GuestMachine::kElr, kCode + 0x1000);
  m.cpu(1).set_gpr(0, kCode);
  m.cpu(1).set_gpr(1, 0xd2800042);  // mov x2, #2
  CHECK(m.cpu(1).enter_guest() == Vector::Synchronous);
  m.cpu(0).write(GuestMachine::kElr, kCode);
  CHECK(m.cpu(0).enter_guest() == Vector::Synchronous);
  CHECK(m.cpu(0).gpr(2) == 2);

  m.put(kCode, {0xd2800062});  // mov x2, #3
  m.machine->memory_written(kCode, 4);
  m.cpu(0).write(GuestMachine::kElr, kCode);
  CHECK(m.cpu(0).enter_guest() == Vector::Synchronous);
  CHECK(m.cpu(0).gpr(2) == 3);
}

TEST_CASE("a fault before a page's end is not overtaken by the next page's absence") {
  // The last instruction of RAM faults; what follows it does not exist.
  GuestMachine m({});
  const std::uint64_t last = GuestMachine::kRam + GuestMachine::kRamSize - 4;
  m.put(last, {0xf9400000});  // ldr x0, [x0]
  m.cpu().write(GuestMachine::kElr, last);
  m.cpu().set_gpr(0, 0x0900'0000);
  CHECK(m.cpu().enter_guest() == Vector::Synchronous);
  CHECK(m.ec() == 0x24);
  CHECK(m.elr() == last);
  CHECK(m.cpu().read(GuestMachine::kFar) == 0x09000000);
  CHECK(m.cpu().instructions() == 0);
}

TEST_CASE("a virtual interrupt is taken where it is unmasked") {
  for (const std::uint64_t chaos : {0UL, 4UL}) {
    GuestMachine m({
        0xd503201f,  // nop
        0xd50342ff,  // msr daifclr, #2
        0xd503201f,  // nop
    });
    m.put(GuestMachine::kRam + 0x1280, {
                                           0xd5384020,  // mrs x0, elr_el1
                                           0xd40000e2,  // hvc #7
                                       });
    m.cpu().set_chaos(chaos);
    m.cpu().write(GuestMachine::kVbar, GuestMachine::kRam + 0x1000);
    m.cpu().write(GuestMachine::kHcr, GuestMachine::kHcrValue | (1 << 7));
    CHECK(m.cpu().enter_guest() == Vector::Synchronous);
    CHECK(m.ec() == 0x16);
    CHECK(m.cpu().gpr(0) == kCode + 8);
  }
}

TEST_CASE("there is no AArch32: an exception return to it goes to AArch64") {
  GuestMachine m({
      0xd5184000,  // msr spsr_el1, x0
      0xd5184021,  // msr elr_el1, x1
      0xd5384002,  // mrs x2, spsr_el1
      0xd69f03e0,  // eret
      0xd4000121,  // svc #9
  });
  m.put(GuestMachine::kRam + 0x1400, {0xd40000e2});  // hvc #7
  m.cpu().write(GuestMachine::kVbar, GuestMachine::kRam + 0x1000);
  m.cpu().set_gpr(0, 0x1f0);  // AArch32 System mode, if there were one
  m.cpu().set_gpr(1, kCode + 16);
  CHECK(m.cpu().enter_guest() == Vector::Synchronous);
  CHECK(m.ec() == 0x17 - 1);
  CHECK(m.cpu().gpr(2) == 0x1e0);
}

TEST_CASE("a misaligned branch is a PC alignment fault") {
  for (const std::uint64_t chaos : {0UL, 6UL}) {
    GuestMachine m({0xd61f0000});                      // br x0
    m.put(GuestMachine::kRam + 0x1200, {0xd40000e2});  // hvc #7
    m.cpu().set_chaos(chaos);
    m.cpu().write(GuestMachine::kVbar, GuestMachine::kRam + 0x1000);
    m.cpu().set_gpr(0, kCode + 0x22);
    CHECK(m.cpu().enter_guest() == Vector::Synchronous);
    CHECK(m.cpu().read(SysReg(3, 0, 5, 2, 0)) == 0x8a000000);
    CHECK(m.cpu().read(SysReg(3, 0, 6, 0, 0)) == kCode + 0x22);
    CHECK(m.cpu().read(SysReg(3, 0, 4, 0, 1)) == kCode + 0x22);
    CHECK(m.cpu().instructions() == 2);
  }
}

/// Runs one instruction at EL0 whose exception goes to EL1; ESR_EL1.
std::uint64_t syndrome_at_el0(std::uint32_t instruction, std::uint64_t sctlr = 0x30c5'0830) {
  GuestMachine m({0xd503205f, instruction});         // wfe: takes the event of the return from EL2
  m.put(GuestMachine::kRam + 0x1400, {0xd40000e2});  // hvc #7
  m.cpu().write(GuestMachine::kVbar, GuestMachine::kRam + 0x1000);
  m.cpu().write(GuestMachine::kSpsr, 0);
  m.cpu().write(SysReg(3, 0, 1, 0, 0), sctlr);
  CHECK(m.cpu().enter_guest() == Vector::Synchronous);
  CHECK(m.ec() == 0x16);
  return m.cpu().read(SysReg(3, 0, 5, 2, 0));
}

TEST_CASE("what EL1 has not opened to EL0 traps to EL1 with a syndrome of its own") {
  CHECK(syndrome_at_el0(0xd53be046) == 0x6234f8c1);            // mrs x6, cntvct_el0
  CHECK(syndrome_at_el0(0xd53b0023) == 0x6232c061);            // mrs x3, ctr_el0
  CHECK((syndrome_at_el0(0xd50b7b24) >> 26) == 0x18);          // dc cvau, x4
  CHECK((syndrome_at_el0(0xd50342df) >> 26) == 0x18);          // msr daifset, #2
  constexpr std::uint64_t kNoWaits = 0x30c0'0830;              // nTWI and nTWE clear
  CHECK(syndrome_at_el0(0xd503207f, kNoWaits) == 0x07e00000);  // wfi
  CHECK(syndrome_at_el0(0xd503205f, kNoWaits) == 0x07e00001);  // wfe
  CHECK(syndrome_at_el0(0xd5380000) == 0x02000000);            // mrs x0, midr_el1: undefined
  CHECK((syndrome_at_el0(0xd53b9d06) >> 26) == 0x18);          // mrs x6, pmccntr_el0
}

TEST_CASE("pages full of trapping instructions trap precisely, however many there are") {
  constexpr unsigned kPages = 64;
  GuestMachine m({});
  for (unsigned i = 0; i < kPages * 1024; ++i) m.put(kCode + i * 4, {0xd5380400});
  for (unsigned page = 0; page < kPages; ++page) {
    for (const std::uint64_t offset : {0x0UL, 0x4UL, 0x7fcUL, 0xffcUL}) {
      const std::uint64_t pc = kCode + page * 0x1000 + offset;
      m.cpu().write(GuestMachine::kElr, pc);
      CHECK(m.cpu().enter_guest() == Vector::Synchronous);
      CHECK(m.ec() == 0x18);
      CHECK(m.elr() == pc);
    }
  }
  CHECK(m.cpu().instructions() == 0);
}

TEST_CASE("exceptions without end are reported, not run for ever") {
  GuestMachine m({0xd4000121});  // svc #9
  SUBCASE("a vector that is undefined") {
    m.cpu().write(GuestMachine::kVbar, GuestMachine::kRam + 0x1000);
  }
  SUBCASE("a vector that no stage 1 can reach") { m.cpu().write(GuestMachine::kVbar, 1ULL << 50); }
  CHECK(m.cpu().enter_guest() == Vector::SError);
  CHECK(m.cpu().failure().find("without executing an instruction") != std::string::npos);
  CHECK(m.cpu().enter_guest() == Vector::SError);
}

TEST_CASE("exceptions without end are reported when EL2 carries out every other instruction") {
  GuestMachine m({0});  // udf
  m.cpu().write(GuestMachine::kVbar, GuestMachine::kRam + 0x1000);
  m.put(GuestMachine::kRam + 0x1200, {0xd5381020, 0});  // mrs x0, actlr_el1; udf
  while (m.cpu().enter_guest() == Vector::Synchronous) m.skip_instruction();
  CHECK(m.cpu().failure().find("without executing an instruction") != std::string::npos);
  CHECK(m.cpu().guest_is_stuck());
}

TEST_CASE("the counter reads guest time, wherever the engine cuts its blocks") {
  std::vector<std::uint64_t> readings;
  for (const std::uint64_t chaos : {0UL, 7UL}) {
    GuestMachine m({
        0xd2801900,  // mov x0, #200
        0xf1000400,  // 1: subs x0, x0, #1
        0x54ffffe1,  // b.ne 1b
        0xd53be046,  // mrs x6, cntvct_el0
        0xd40000e2,  // hvc #7
    });
    m.cpu().set_chaos(chaos);
    CHECK(m.cpu().enter_guest() == Vector::Synchronous);
    readings.push_back(m.cpu().gpr(6));
  }
  CHECK(readings[0] == 401 / 16);
  CHECK(readings[1] == readings[0]);
}

}  // namespace
}  // namespace axvm::sim::aarch64
