// Every MRS encoding there is: what EL1 and EL0 read is defined by this machine, or undefined. No
// default of the engine's shows.

#include <doctest/doctest.h>

#include <map>
#include <optional>

#include "guest_machine.hpp"

namespace axvm::sim::aarch64 {
namespace {

constexpr std::uint64_t kCode = GuestMachine::kCode;
constexpr std::uint64_t kVectors = GuestMachine::kRam + 0x1000;
constexpr SysReg kEsrEl1{3, 0, 5, 2, 0};
constexpr SysReg kSctlr{3, 0, 1, 0, 0};
constexpr SysReg kCntkctl{3, 0, 14, 1, 0};
constexpr std::uint64_t kHcrPlain = 1 | 1ULL << 31;
/// UCI, UCT, DZE, UMA and the reset value: EL0 may do what EL1 can allow it.
constexpr std::uint64_t kSctlrOpen = 0x30c5'0830 | 1U << 26 | 1U << 15 | 1U << 14 | 1U << 9;

/// Values by encoding; nothing where time or the exceptions of the test itself decide.
using Registers = std::map<std::uint16_t, std::optional<std::uint64_t>>;

Registers readable_at_el0() {
  Registers r;
  const auto add = [&](SysReg reg, std::optional<std::uint64_t> v = 0) { r[reg.encoding] = v; };
  add({3, 3, 0, 0, 1}, 0x8444c004);  // CTR_EL0
  add({3, 3, 0, 0, 7}, 4);           // DCZID_EL0
  add({3, 3, 4, 2, 0});              // NZCV
  add({3, 3, 4, 2, 1});              // DAIF
  add({3, 3, 4, 4, 0});              // FPCR
  add({3, 3, 4, 4, 1});              // FPSR
  add({3, 3, 9, 14, 0});             // PMUSERENR_EL0
  add({3, 3, 13, 0, 2});             // TPIDR_EL0
  add({3, 3, 13, 0, 3});             // TPIDRRO_EL0
  add({3, 3, 14, 0, 0}, 62'500'000);
  add({3, 3, 14, 0, 1}, std::nullopt);  // CNTPCT_EL0
  add({3, 3, 14, 0, 2}, std::nullopt);  // CNTVCT_EL0
  for (const unsigned timer : {2U, 3U}) {
    add({3, 3, 14, timer, 0}, std::nullopt);  // TVAL
    add({3, 3, 14, timer, 1});                // CTL
    add({3, 3, 14, timer, 2});                // CVAL
  }
  return r;
}

Registers readable_at_el1() {
  Registers r = readable_at_el0();
  const auto add = [&](SysReg reg, std::optional<std::uint64_t> v = 0) { r[reg.encoding] = v; };
  r[SysReg(3, 3, 4, 2, 1).encoding] = 0x3c0;  // DAIF
  for (unsigned crm = 1; crm <= 7; ++crm) {
    for (unsigned op2 = 0; op2 < 8; ++op2) add({3, 0, 0, crm, op2});  // features, RAZ
  }
  add({3, 0, 0, 4, 0}, 0x0100'0111);                               // ID_AA64PFR0_EL1
  add({3, 0, 0, 5, 0}, 0x1030'5106);                               // ID_AA64DFR0_EL1
  add({3, 0, 0, 6, 0}, 0x1'1120);                                  // ID_AA64ISAR0_EL1
  add({3, 0, 0, 7, 0}, 0x0f00'1124);                               // ID_AA64MMFR0_EL1
  add({3, 0, 0, 0, 0}, 0x410fd083);                                // MIDR_EL1
  add({3, 0, 0, 0, 5}, 0x80000000);                                // MPIDR_EL1
  add({3, 0, 0, 0, 6});                                            // REVIDR_EL1
  add({3, 0, 1, 0, 0}, 0x30c50830);                                // SCTLR_EL1
  for (const unsigned op2 : {1U, 2U}) add({3, 0, 1, 0, op2});      // ACTLR, CPACR
  for (const unsigned op2 : {0U, 1U, 2U}) add({3, 0, 2, 0, op2});  // TTBR0, TTBR1, TCR
  add({3, 0, 4, 0, 0}, std::nullopt);                              // SPSR_EL1
  add({3, 0, 4, 0, 1}, std::nullopt);                              // ELR_EL1
  add({3, 0, 4, 1, 0});                                            // SP_EL0
  add({3, 0, 4, 2, 0}, 1);                                         // SPSel
  add({3, 0, 4, 2, 2}, 4);                                         // CurrentEL
  for (const unsigned op2 : {0U, 1U}) add({3, 0, 5, 1, op2});      // AFSR0, AFSR1
  add(kEsrEl1, std::nullopt);
  add({3, 0, 6, 0, 0});             // FAR_EL1
  add({3, 0, 7, 4, 0});             // PAR_EL1
  add({3, 0, 10, 2, 0});            // MAIR_EL1
  add({3, 0, 10, 3, 0});            // AMAIR_EL1
  add({3, 0, 12, 0, 0}, kVectors);  // VBAR_EL1
  add({3, 0, 12, 1, 0});            // ISR_EL1
  add({3, 0, 13, 0, 1});            // CONTEXTIDR_EL1
  add({3, 0, 13, 0, 4});            // TPIDR_EL1
  add(kCntkctl, 0x303);
  add({3, 1, 0, 0, 0}, 0x701fe00a);  // CCSIDR_EL1
  add({3, 1, 0, 0, 1}, 0x0a200023);  // CLIDR_EL1
  add({3, 1, 0, 0, 7});              // AIDR_EL1
  add({3, 2, 0, 0, 0});              // CSSELR_EL1
  // Debug: comparators, MDCCINT, MDSCR, MDRAR, OSLSR, OSDLR.
  for (unsigned n = 0; n < 6; ++n) {
    for (unsigned op2 = 4; op2 < 8; ++op2) {
      if (op2 < 6 || n < 4) add({2, 0, 0, n, op2});
    }
  }
  add({2, 0, 0, 2, 0});
  add({2, 0, 0, 2, 2});
  add({2, 0, 1, 0, 0});
  add({2, 0, 1, 1, 4}, 0xa);  // the OS lock is there and locked
  add({2, 0, 1, 3, 4});
  // Performance monitors: four counters that count nothing.
  add({3, 0, 9, 14, 1});
  add({3, 0, 9, 14, 2});
  for (const unsigned op2 : {0U, 1U, 2U, 3U, 5U, 6U, 7U}) add({3, 3, 9, 12, op2});
  add({3, 3, 9, 12, 0}, 0x41002040);    // PMCR_EL0
  add({3, 3, 9, 13, 0}, std::nullopt);  // PMCCNTR_EL0
  for (const unsigned op2 : {1U, 2U}) add({3, 3, 9, 13, op2});
  for (const unsigned op2 : {0U, 3U}) add({3, 3, 9, 14, op2});
  for (const unsigned crm : {8U, 12U}) {
    for (unsigned n = 0; n < 4; ++n) add({3, 3, 14, crm, n});
  }
  add({3, 3, 14, 15, 7});
  return r;
}

/// Reads every register with op0 2 and 3 at `el`; those that can be read.
void check_all_reads(unsigned el, const Registers& expected) {
  GuestMachine m({});
  Pcpu& cpu = m.cpu();
  cpu.write(GuestMachine::kHcr, kHcrPlain);
  cpu.write(SysReg(3, 4, 14, 1, 0), 3);    // CNTHCTL_EL2: the physical timer is open
  cpu.write(GuestMachine::kIccSreEl2, 9);  // SRE, Enable
  cpu.write(SysReg(3, 0, 1, 0, 2), 3U << 20);
  cpu.write(GuestMachine::kVbar, kVectors);
  cpu.write(kSctlr, el == 0 ? kSctlrOpen : 0x30c5'0830);
  cpu.write(kCntkctl, 0x303);
  m.put(kVectors + 0x200, {0xd4000042});  // hvc #2
  m.put(kVectors + 0x400, {0xd4000042});
  for (unsigned i = 0; i < 0x8000; ++i) {
    // mrs x1, …; at EL0 svc #0, at EL1 hvc #1
    m.put(kCode + i * 8, {0xd520'0001 | (0x8000U + i) << 5, el == 0 ? 0xd4000001 : 0xd4000022});
  }
  for (unsigned i = 0; i < 0x8000; ++i) {
    const SysReg reg(static_cast<std::uint16_t>(0x8000 + i));
    CAPTURE(reg.encoding);
    constexpr std::uint64_t kPattern = 0x5a5a'5a5a'5a5a'5a5a;
    cpu.set_gpr(1, kPattern);
    cpu.write(GuestMachine::kSpsr, el == 0 ? 0 : 0x3c5);
    cpu.write(GuestMachine::kElr, kCode + i * 8);
    REQUIRE(cpu.enter_guest() == Vector::Synchronous);
    const std::uint64_t esr = el == 0 ? cpu.read(kEsrEl1) : m.esr();
    const bool done = el == 0 ? esr >> 26 == 0x15 : (esr & 0xffff) == 1;
    const auto found = expected.find(reg.encoding);
    REQUIRE(done == (found != expected.end()));
    if (!done) {
      const std::uint64_t why = cpu.read(kEsrEl1) >> 26;
      CHECK((why == 0 || (el == 0 && why == 0x18)));
      CHECK(cpu.gpr(1) == kPattern);
    } else if (reg != SysReg(3, 0, 1, 0, 2) && found->second) {
      CHECK(cpu.gpr(1) == *found->second);
    } else {
      CHECK(cpu.gpr(1) != kPattern);
    }
  }
}

TEST_CASE("EL1 reads what this machine defines, and everything else is undefined") {
  check_all_reads(1, readable_at_el1());
}

TEST_CASE("EL0 reads what EL1 may open to it, and everything else is undefined or traps") {
  check_all_reads(0, readable_at_el0());
}

TEST_CASE("no write or system instruction hangs, whatever its encoding") {
  GuestMachine m({});
  Pcpu& cpu = m.cpu();
  cpu.write(GuestMachine::kHcr, kHcrPlain);
  cpu.write(GuestMachine::kVbar, kVectors);
  m.put(kVectors + 0x200, {0xd4000042});  // hvc #2
  for (unsigned i = 0; i < 0xc000; ++i) m.put(kCode + i * 8, {0xd508'0001 + (i << 5), 0xd4000022});
  for (unsigned i = 0; i < 0xc000; ++i) {
    const SysReg reg(static_cast<std::uint16_t>(0x4000 + i));
    // What the instruction is for: another mode, another vector, other translations.
    const bool changes_the_test = reg == kSctlr || reg == SysReg(3, 0, 12, 0, 0) ||
                                  reg == SysReg(3, 0, 4, 2, 0) || reg == SysReg(3, 3, 4, 2, 1);
    if (changes_the_test) continue;
    CAPTURE(reg.encoding);
    cpu.set_gpr(1, 0);
    cpu.write(GuestMachine::kSpsr, 0x3c5);
    cpu.write(GuestMachine::kElr, kCode + i * 8);
    cpu.set_instruction_limit(cpu.instructions() + 10);
    REQUIRE(cpu.enter_guest() == Vector::Synchronous);
    CHECK(m.ec() <= 0x25);
  }
}

TEST_CASE("registers that have one value keep it when written") {
  for (const SysReg reg :
       {SysReg(2, 0, 0, 0, 4), SysReg(2, 0, 0, 0, 5), SysReg(2, 0, 0, 2, 0), SysReg(2, 0, 0, 2, 2),
        SysReg(2, 0, 1, 3, 4), SysReg(3, 0, 1, 0, 1), SysReg(3, 0, 10, 3, 0),
        SysReg(3, 3, 9, 12, 1), SysReg(3, 3, 14, 8, 0), SysReg(3, 0, 5, 1, 0)}) {
    CAPTURE(reg.encoding);
    const std::uint32_t field = std::uint32_t{reg.encoding} << 5;
    GuestMachine m({
        0xd510'0000 | field | 1,  // msr reg, x1
        0xd530'0000 | field | 2,  // mrs x2, reg
        0xd40000e2,               // hvc #7
    });
    m.cpu().write(GuestMachine::kHcr, kHcrPlain);
    m.cpu().set_gpr(1, ~0ULL);
    CHECK(m.cpu().enter_guest() == Vector::Synchronous);
    CHECK(m.ec() == 0x16);
    CHECK(m.cpu().gpr(2) == 0);
  }
}

TEST_CASE("CSSELR_EL1 selects the cache that CCSIDR_EL1 describes") {
  for (const auto& [selection, expected] : {std::pair{0U, 0x701fe00aU}, std::pair{1U, 0x201fe012U},
                                            std::pair{2U, 0x707fe07aU}, std::pair{9U, 0U}}) {
    GuestMachine m({0xd51a0001, 0xd5390002, 0xd40000e2});  // msr csselr; mrs ccsidr; hvc
    m.cpu().write(GuestMachine::kHcr, kHcrPlain);
    m.cpu().set_gpr(1, selection);
    CHECK(m.cpu().enter_guest() == Vector::Synchronous);
    CHECK(m.cpu().gpr(2) == expected);
  }
}

}  // namespace
}  // namespace axvm::sim::aarch64
