// Timers, the physical interrupt controller, and who takes an interrupt where (DDI 0487 D1.3.6,
// D11.2; IHI 0069 for the controller).

#include <doctest/doctest.h>

#include <sim/arch/aarch64/interrupts.hpp>
#include <sim/arch/aarch64/timers.hpp>
#include <tuple>
#include <vector>

#include "guest_machine.hpp"

namespace axvm::sim::aarch64 {
namespace {

constexpr std::uint64_t kCode = GuestMachine::kCode;
constexpr std::uint64_t kVectors = GuestMachine::kRam + 0x1000;
constexpr std::uint32_t kVirtualTimer = 27;
constexpr std::uint32_t kPhysicalTimer = 30;
constexpr std::uint32_t kHypervisorTimer = 26;

constexpr SysReg kCntvCtl{3, 3, 14, 3, 1};
constexpr SysReg kCntvCval{3, 3, 14, 3, 2};
constexpr SysReg kCntvTval{3, 3, 14, 3, 0};
constexpr SysReg kCntpTval{3, 3, 14, 2, 0};
constexpr SysReg kCntpCtl{3, 3, 14, 2, 1};
constexpr SysReg kCntpCval{3, 3, 14, 2, 2};
constexpr SysReg kCnthpCtl{3, 4, 14, 2, 1};
constexpr SysReg kCnthpCval{3, 4, 14, 2, 2};
constexpr SysReg kCntvoff{3, 4, 14, 0, 3};
constexpr SysReg kIchHcr{3, 4, 12, 11, 0};
constexpr SysReg kEsrEl1{3, 0, 5, 2, 0};
constexpr SysReg kElrEl1{3, 0, 4, 0, 1};

constexpr std::uint64_t kVf = 1U << 6;
constexpr std::uint64_t kVi = 1U << 7;
constexpr std::uint64_t kVse = 1U << 8;

constexpr std::initializer_list<std::uint32_t> kLoop = {
    0x91000442,  // 1: add x2, x2, #1
    0x91000442,  // add x2, x2, #1
    0x17fffffe,  // b 1b
};

/// Arms the virtual timer for guest time `ns` and lets its interrupt through.
void arm(Pcpu& cpu, std::uint64_t ns) {
  cpu.enable_interrupt(kVirtualTimer, true);
  cpu.write(kCntvCval, Timers::ticks(ns));
  cpu.write(kCntvCtl, 1);
}

TEST_CASE("a timer's interrupt leaves the guest at the first branch at or after its time") {
  for (const std::uint64_t chaos : {0UL, 1UL, 2UL, 3UL}) {
    CAPTURE(chaos);
    GuestMachine m(kLoop);
    m.cpu().set_chaos(chaos);
    arm(m.cpu(), 800);
    CHECK(m.cpu().next_deadline() == 800);
    CHECK(m.cpu().enter_guest() == Vector::Irq);
    CHECK_FALSE(m.cpu().stopped_by_owner());
    CHECK(m.cpu().instructions() == 801);  // 267 rounds of three
    CHECK(m.elr() == kCode);
    CHECK(m.cpu().read(kCntvCtl) == 5);  // ENABLE, ISTATUS
  }
}

TEST_CASE("PSTATE.I does not keep a physical interrupt from EL2") {
  GuestMachine m(kLoop);
  m.cpu().write(GuestMachine::kSpsr, 0x3c5);
  arm(m.cpu(), 160);
  CHECK(m.cpu().enter_guest() == Vector::Irq);
  CHECK(m.cpu().read(GuestMachine::kSpsr) == 0x3c5);
}

TEST_CASE("without branches an interrupt cuts the run a fixed number of instructions late") {
  for (const std::uint64_t chaos : {0UL, 5UL}) {
    GuestMachine m({});
    for (unsigned i = 0; i < 8192; ++i) m.put(kCode + i * 4, {0x91000400});  // add x0, x0, #1
    m.cpu().set_chaos(chaos);
    arm(m.cpu(), 160);
    CHECK(m.cpu().enter_guest() == Vector::Irq);
    CHECK(m.cpu().instructions() == 160 + 4096);
  }
}

TEST_CASE("an interrupt is pending until acknowledged, active until ended, then pending again") {
  GuestMachine m(kLoop);
  arm(m.cpu(), 160);
  REQUIRE(m.cpu().enter_guest() == Vector::Irq);
  CHECK(m.cpu().acknowledge_interrupt() == kVirtualTimer);
  CHECK(m.cpu().acknowledge_interrupt() == PrivateInterrupts::kNone);
  CHECK(m.cpu().next_deadline() == Pcpu::kNever);

  m.cpu().set_turn_end(500);
  CHECK(m.cpu().enter_guest() == Vector::Irq);
  CHECK(m.cpu().stopped_by_owner());  // active: the timer no longer interrupts
  CHECK(m.cpu().instructions() >= 500);

  m.cpu().set_turn_end(Pcpu::kNever);
  m.cpu().end_interrupt(kVirtualTimer);
  const std::uint64_t before = m.cpu().instructions();
  CHECK(m.cpu().enter_guest() == Vector::Irq);  // level-sensitive: on entry
  CHECK_FALSE(m.cpu().stopped_by_owner());
  CHECK(m.cpu().instructions() == before);
  CHECK(m.cpu().acknowledge_interrupt() == kVirtualTimer);
}

TEST_CASE("a timer that is masked, switched off or set to later interrupts no more") {
  for (const auto& [reg, value] :
       {std::pair{kCntvCtl, 3UL}, std::pair{kCntvCtl, 0UL}, std::pair{kCntvCval, 1'000'000UL}}) {
    GuestMachine m(kLoop);
    arm(m.cpu(), 160);
    REQUIRE(m.cpu().enter_guest() == Vector::Irq);
    m.cpu().write(reg, value);
    CHECK(m.cpu().acknowledge_interrupt() == PrivateInterrupts::kNone);
    m.cpu().set_turn_end(1000);
    CHECK(m.cpu().enter_guest() == Vector::Irq);
    CHECK(m.cpu().stopped_by_owner());
  }
}

TEST_CASE("each timer has its interrupt, and disabled ones do not come") {
  GuestMachine m(kLoop);
  m.cpu().set_turn_end(1000);
  arm(m.cpu(), 160);
  m.cpu().enable_interrupt(kVirtualTimer, false);
  m.cpu().write(kCntpCval, Timers::ticks(320));
  m.cpu().write(kCntpCtl, 1);
  m.cpu().write(kCnthpCval, Timers::ticks(480));
  m.cpu().write(kCnthpCtl, 1);
  m.cpu().enable_interrupt(kPhysicalTimer, true);
  m.cpu().enable_interrupt(kHypervisorTimer, true);
  m.cpu().enable_interrupt(99, true);  // not a private one: ignored

  REQUIRE(m.cpu().enter_guest() == Vector::Irq);
  CHECK(m.cpu().instructions() == 321);
  CHECK(m.cpu().acknowledge_interrupt() == kPhysicalTimer);
  REQUIRE(m.cpu().enter_guest() == Vector::Irq);
  CHECK(m.cpu().instructions() == 480);
  CHECK(m.cpu().acknowledge_interrupt() == kHypervisorTimer);
  REQUIRE(m.cpu().enter_guest() == Vector::Irq);
  CHECK(m.cpu().stopped_by_owner());
}

TEST_CASE("TVAL counts ticks, 16 ns each, and not nanoseconds") {
  for (const auto& [tval, cval, control, intid] :
       {std::tuple{kCntpTval, kCntpCval, kCntpCtl, kPhysicalTimer},
        std::tuple{kCntvTval, kCntvCval, kCntvCtl, kVirtualTimer}}) {
    GuestMachine m(kLoop);
    m.cpu().skip_to(1600);
    m.cpu().enable_interrupt(intid, true);
    m.cpu().write(tval, 50);
    CHECK(m.cpu().read(cval) == 150);
    CHECK(m.cpu().read(tval) == 50);
    m.cpu().write(control, 1);
    CHECK(m.cpu().next_deadline() == 2400);
    REQUIRE(m.cpu().enter_guest() == Vector::Irq);
    CHECK(m.cpu().time() >= 2400);
    CHECK(m.cpu().time() < 2403);
  }
}

TEST_CASE("CNTVOFF_EL2 moves the virtual timer's time") {
  GuestMachine m(kLoop);
  arm(m.cpu(), 160);
  m.cpu().write(kCntvoff, Timers::ticks(320));
  // The virtual count is below zero, which is far beyond the comparator, until it wraps.
  CHECK(m.cpu().next_deadline() == 0);
  m.cpu().write(kCntvoff, ~0ULL - Timers::ticks(64) + 1);
  CHECK(m.cpu().next_deadline() == 96);
  m.cpu().write(kCntvTval, 10);  // relative to the virtual count
  CHECK(m.cpu().read(kCntvCval) == Timers::ticks(64) + 10);
}

TEST_CASE("an exact stop on the way to an interrupt leaves no trace") {
  std::uint64_t expected = 0;
  for (const std::uint64_t step : {0UL, 1UL, 7UL, 100UL}) {
    CAPTURE(step);
    GuestMachine m(kLoop);
    arm(m.cpu(), 480);
    for (std::uint64_t limit = step; step != 0; limit += step) {
      m.cpu().set_instruction_limit(limit);
      REQUIRE(m.cpu().enter_guest() == Vector::Irq);
      if (!m.cpu().stopped_at_limit()) break;
      CHECK(m.cpu().stopped_by_owner());
    }
    if (step == 0) REQUIRE(m.cpu().enter_guest() == Vector::Irq);
    CHECK(m.cpu().instructions() == 480);
    const std::uint64_t digest = Digest::of(*m.machine);
    if (step == 0) expected = digest;
    CHECK(digest == expected);
  }
}

TEST_CASE("with IMO clear the guest takes the physical interrupt itself, once unmasked") {
  for (const std::uint64_t chaos : {0UL, 8UL}) {
    GuestMachine m({
        0x91000442,  // 1: add x2, x2, #1
        0xf101905f,  // cmp x2, #100
        0x54ffffc1,  // b.ne 1b
        0xd538c101,  // mrs x1, isr_el1
        0xd50342ff,  // msr daifclr, #2
        0x14000000,  // b .
    });
    m.put(kVectors + 0x280, {0xd40000e2});  // hvc #7
    m.cpu().set_chaos(chaos);
    m.cpu().write(GuestMachine::kVbar, kVectors);
    m.cpu().write(GuestMachine::kHcr, GuestMachine::kHcrValue & ~0x10ULL);
    arm(m.cpu(), 160);
    CHECK(m.cpu().enter_guest() == Vector::Synchronous);
    CHECK(m.ec() == 0x16);
    CHECK(m.cpu().gpr(1) == 0x80);  // ISR_EL1.I
    CHECK(m.cpu().read(kElrEl1) == kCode + 20);
  }
}

TEST_CASE("WFI ends when a timer's interrupt comes, and time skips there") {
  GuestMachine m({
      0xd503207f,  // wfi
      0xd40000e2,  // hvc #7
  });
  m.cpu().write(GuestMachine::kHcr, GuestMachine::kHcrValue & ~(1ULL << 13));  // not TWI
  arm(m.cpu(), 16'000);
  CHECK(m.cpu().enter_guest() == Vector::Irq);
  CHECK(m.cpu().time() == 16'000);
  CHECK(m.elr() == kCode + 4);
  CHECK(m.cpu().acknowledge_interrupt() == kVirtualTimer);
  CHECK(m.cpu().enter_guest() == Vector::Synchronous);
  CHECK(m.cpu().instructions() == 2);
}

TEST_CASE("WFI with an interrupt pending does not trap") {
  GuestMachine m({
      0xd503207f,  // wfi
      0xd40000e2,  // hvc #7
  });
  m.cpu().write(GuestMachine::kHcr, GuestMachine::kHcrValue | kVi);  // masked, but pending
  CHECK(m.cpu().enter_guest() == Vector::Synchronous);
  CHECK(m.ec() == 0x16);
}

TEST_CASE("virtual IRQ, FIQ and SError go to EL1's vectors, each when its mask permits") {
  struct Kind {
    std::uint64_t pending, route;
    std::uint32_t mask;
    std::uint64_t offset;
  };
  for (const Kind& kind : {Kind{kVi, 1U << 4, 0x80, 0x80}, Kind{kVf, 1U << 3, 0x40, 0x100},
                           Kind{kVse, 1U << 5, 0x100, 0x180}}) {
    CAPTURE(kind.offset);
    for (const bool from_el0 : {false, true}) {
      CAPTURE(from_el0);
      GuestMachine m({0xd503201f, 0x17ffffff});                                  // nop; b -4
      m.put(kVectors + (from_el0 ? 0x400 : 0x200) + kind.offset, {0xd40000e2});  // hvc #7
      m.cpu().write(GuestMachine::kVbar, kVectors);
      m.cpu().write(SysReg(3, 0, 1, 0, 0), 0x30d5'0830);
      const std::uint32_t mode = from_el0 ? 0 : 5;
      SUBCASE("masked") {
        m.cpu().write(GuestMachine::kHcr, GuestMachine::kHcrValue | kind.pending);
        m.cpu().write(GuestMachine::kSpsr, kind.mask | mode);
        m.cpu().set_turn_end(100);
        CHECK(m.cpu().enter_guest() == Vector::Irq);
      }
      SUBCASE("not routed to EL2: there is no virtual one") {
        m.cpu().write(GuestMachine::kHcr, (GuestMachine::kHcrValue & ~kind.route) | kind.pending);
        m.cpu().write(GuestMachine::kSpsr, mode);
        m.cpu().set_turn_end(100);
        CHECK(m.cpu().enter_guest() == Vector::Irq);
      }
      SUBCASE("unmasked") {
        m.cpu().write(GuestMachine::kHcr, GuestMachine::kHcrValue | kind.pending);
        m.cpu().write(GuestMachine::kSpsr, (0x1c0 & ~kind.mask) | mode);
        CHECK(m.cpu().enter_guest() == Vector::Synchronous);
        CHECK(m.ec() == 0x16);
        CHECK(m.cpu().read(kElrEl1) == kCode);
        CHECK(m.cpu().instructions() == 1);
        const bool serror = kind.pending == kVse;
        CHECK(m.cpu().read(kEsrEl1) == (serror ? 0xbe000000 : 0));
        // Taking a virtual SError clears VSE; the others stay until EL2 takes them away.
        CHECK((m.cpu().read(GuestMachine::kHcr) & kind.pending) == (serror ? 0 : kind.pending));
      }
    }
  }
}

TEST_CASE("of several virtual interrupts SError comes first, then FIQ") {
  GuestMachine m({0xd538c101, 0xd50347ff, 0x17ffffff});  // mrs x1, isr_el1; msr daifclr, #7; b -4
  m.put(kVectors + 0x380, {0xd69f03e0});                 // eret
  m.put(kVectors + 0x300, {0xd40000e2});                 // hvc #7
  m.cpu().write(GuestMachine::kVbar, kVectors);
  m.cpu().write(GuestMachine::kHcr, GuestMachine::kHcrValue | kVi | kVf | kVse);
  CHECK(m.cpu().enter_guest() == Vector::Synchronous);
  CHECK(m.ec() == 0x16);
  CHECK(m.cpu().gpr(1) == 0x1c0);
  CHECK(m.cpu().read(kEsrEl1) == 0xbe000000);
}

TEST_CASE("ICH_HCR_EL2 makes the interrupt controller's registers trap by group") {
  constexpr std::uint64_t kTc = 1U << 10, kTall0 = 1U << 11, kTall1 = 1U << 12, kTdir = 1U << 14;
  struct Access {
    std::uint32_t instruction;
    std::uint64_t traps_with;
    std::uint64_t iss;
  };
  for (const Access& a : {Access{0xd538cc00, kTall1, 0x303019},          // mrs x0, icc_iar1_el1
                          Access{0xd518cc20, kTall1, 0x323018},          // msr icc_eoir1_el1, x0
                          Access{0xd538c900, kTall1, 0x303013},          // mrs x0, icc_ap1r0_el1
                          Access{0xd518cce0, kTall1, 0x3e3018},          // msr icc_igrpen1_el1, x0
                          Access{0xd538c800, kTall0, 0x303011},          // mrs x0, icc_iar0_el1
                          Access{0xd538ccc0, kTall0, 0x3c3019},          // mrs x0, icc_igrpen0_el1
                          Access{0xd5184600, kTc, 0x30100c},             // msr icc_pmr_el1, x0
                          Access{0xd538cc80, kTc, 0x383019},             // mrs x0, icc_ctlr_el1
                          Access{0xd518cb20, kTc | kTdir, 0x323016}}) {  // msr icc_dir_el1, x0
    CAPTURE(a.instruction);
    for (const std::uint64_t control : {kTc, kTall0, kTall1, kTdir, std::uint64_t{0}}) {
      CAPTURE(control);
      GuestMachine m({a.instruction, 0xd40000e2});  // hvc #7
      m.cpu().write(kIchHcr, control);
      CHECK(m.cpu().enter_guest() == Vector::Synchronous);
      if ((control & a.traps_with) != 0) {
        CHECK(m.esr() == (0x62000000 | a.iss));
        CHECK(m.elr() == kCode);
      } else {
        CHECK(m.ec() == 0x16);  // it went on
        CHECK(m.elr() == kCode + 8);
      }
    }
  }
}

TEST_CASE("a guest's own timer wakes it as EL2 sees fit, with and without chaos") {
  std::vector<std::uint64_t> digests;
  for (const std::uint64_t chaos : {0UL, 11UL, 12UL}) {
    GuestMachine m({
        0xd2800640,  // mov x0, #50
        0xd51be300,  // msr cntv_tval_el0, x0
        0xd2800021,  // mov x1, #1
        0xd51be321,  // msr cntv_ctl_el0, x1
        0x91000442,  // 1: add x2, x2, #1
        0x17ffffff,  // b 1b
    });
    m.cpu().set_chaos(chaos);
    m.cpu().enable_interrupt(kVirtualTimer, true);
    CHECK(m.cpu().enter_guest() == Vector::Irq);
    CHECK(m.cpu().acknowledge_interrupt() == kVirtualTimer);
    CHECK(m.cpu().time() == 800);
    digests.push_back(Digest::of(*m.machine));
  }
  CHECK(digests[1] == digests[0]);
  CHECK(digests[2] == digests[0]);
}

}  // namespace
}  // namespace axvm::sim::aarch64
