// Alignment faults while SCTLR_EL1.A is set (DDI 0487 B2.5.2, D24.2.118).

#include <doctest/doctest.h>

#include <sim/arch/aarch64/alignment.hpp>

#include "guest_machine.hpp"

namespace axvm::sim::aarch64 {
namespace {

constexpr std::uint64_t kCode = GuestMachine::kCode;
constexpr std::uint64_t kVectors = GuestMachine::kRam + 0x1000;
constexpr std::uint64_t kData = GuestMachine::kRam + 0x2'0000;
constexpr std::uint64_t kNowhere = 0x0900'0000;  // stage 2 maps nothing
constexpr SysReg kSctlr{3, 0, 1, 0, 0};
constexpr SysReg kCpacr{3, 0, 1, 0, 2};
constexpr SysReg kEsrEl1{3, 0, 5, 2, 0};
constexpr SysReg kFarEl1{3, 0, 6, 0, 0};
constexpr SysReg kElrEl1{3, 0, 4, 0, 1};
constexpr std::uint64_t kOff = 0x30c5'0830;  // SCTLR_EL1 as it resets: M and A clear
constexpr std::uint64_t kA = 2;
constexpr std::uint32_t kHvc = 0xd4000002;
constexpr std::uint32_t kWriteSctlr = 0xd518100a;  // msr sctlr_el1, x10

struct AlignmentMachine : GuestMachine {
  explicit AlignmentMachine(std::initializer_list<std::uint32_t> code, std::uint64_t sctlr,
                            std::uint64_t chaos = 0)
      : GuestMachine(code) {
    cpu().set_chaos(chaos);
    cpu().write(kCpacr, 3U << 20);
    cpu().write(kVbar, kVectors);
    cpu().write(kSctlr, sctlr);
    for (const std::uint64_t vector : {0x200U, 0x400U}) put(kVectors + vector, {kHvc | 7 << 5});
  }
  bool faulted() {
    CHECK(cpu().enter_guest() == Vector::Synchronous);
    return ec() == 0x16 && (esr() & 0xffff) == 7;
  }
};

struct Row {
  std::uint32_t word;
  std::uint64_t alignment;
  bool write;
};
constexpr Row kRows[] = {
    {0x39400001, 1, false},   // ldrb w1, [x0]
    {0x79400001, 2, false},   // ldrh w1, [x0]
    {0xb9400001, 4, false},   // ldr w1, [x0]
    {0xb8400401, 4, false},   // ldr w1, [x0], #0
    {0xf9400001, 8, false},   // ldr x1, [x0]
    {0xf8626801, 8, false},   // ldr x1, [x0, x2]
    {0xf8400801, 8, false},   // ldtr x1, [x0]
    {0xf9000001, 8, true},    // str x1, [x0]
    {0xa9400801, 8, false},   // ldp x1, x2, [x0]
    {0x29000801, 4, true},    // stp w1, w2, [x0]
    {0x3dc00000, 16, false},  // ldr q0, [x0]
    {0x0c407400, 2, false},   // ld1 {v0.4h}, [x0]
    {0x4c007c00, 8, true},    // st1 {v0.2d}, [x0]
    {0xc8dffc01, 8, false},   // ldar x1, [x0]
    {0x889ffc01, 4, true},    // stlr w1, [x0]
};

}  // namespace

TEST_CASE("SCTLR_EL1.A: an access that is not aligned is a fault, and not performed") {
  for (const Row& row : kRows) {
    for (const std::uint64_t offset : {0UL, 1UL, 2UL, 4UL, 8UL, 16UL}) {
      for (const std::uint64_t sctlr : {kOff, kOff | kA}) {
        CAPTURE(row.word);
        CAPTURE(offset);
        CAPTURE(sctlr);
        AlignmentMachine m({row.word, kHvc}, sctlr);
        m.cpu().set_gpr(0, kData + offset);
        m.cpu().set_gpr(1, 0x5555);
        const bool expected = sctlr != kOff && offset % row.alignment != 0;
        REQUIRE(m.faulted() == expected);
        if (!expected) {
          CHECK(m.elr() == kCode + 8);
          continue;
        }
        CHECK(m.cpu().read(kEsrEl1) == (row.write ? 0x96000061 : 0x96000021));
        CHECK(m.cpu().read(kFarEl1) == kData + offset);
        CHECK(m.cpu().read(kElrEl1) == kCode);
        CHECK(m.cpu().gpr(1) == 0x5555);
        CHECK(m.cpu().instructions() == 1);  // the HVC
      }
    }
  }
}

TEST_CASE("exclusive accesses have to be aligned whatever SCTLR_EL1.A says") {
  for (const auto& [word, alignment, write] :
       {Row{0xc85f7c01, 8, false}, Row{0x885ffc01, 4, false}, Row{0x485f7c01, 2, false},
        Row{0xc8027c01, 8, true}, Row{0xc87f0801, 16, false}, Row{0x887f0801, 8, false}}) {
    for (const std::uint64_t offset : {0UL, 1UL, 2UL, 4UL, 8UL, 16UL}) {
      for (const std::uint64_t sctlr : {kOff, kOff | kA}) {
        CAPTURE(word);
        CAPTURE(offset);
        // Of the monitor and the alignment, either may be looked at first
        // (AArch64.ExclusiveMonitorsPass).
        if (write && sctlr == kOff) continue;
        AlignmentMachine m({word, kHvc}, sctlr);
        m.cpu().set_gpr(0, kData + offset);
        REQUIRE(m.faulted() == (offset % alignment != 0));
        if (offset % alignment == 0) continue;
        CHECK(m.cpu().read(kEsrEl1) == (write ? 0x96000061 : 0x96000021));
        CHECK(m.cpu().read(kFarEl1) == kData + offset);
      }
    }
  }
}

TEST_CASE("SCTLR_EL1.A: the check comes before translation, at EL0 as well") {
  AlignmentMachine m({0xf9400001, kHvc}, kOff | kA);
  m.cpu().set_gpr(0, kNowhere + 1);
  CHECK(m.faulted());
  CHECK(m.cpu().read(kEsrEl1) == 0x96000021);

  AlignmentMachine user({0xf9400001, kHvc}, kOff | kA);
  user.cpu().write(GuestMachine::kSpsr, 0x3c0);
  user.cpu().set_gpr(0, kData + 4);
  CHECK(user.faulted());
  CHECK(user.cpu().read(kEsrEl1) == 0x92000021);
  CHECK(user.cpu().read(kFarEl1) == kData + 4);
}

TEST_CASE("SCTLR_EL1.A reaches code that has run without it, and lets go of it again") {
  for (std::uint64_t chaos = 0; chaos < 6; ++chaos) {
    CAPTURE(chaos);
    //        ldr x1, [x0]; msr sctlr_el1, x10; b -8
    AlignmentMachine m({0xf9400001, kWriteSctlr, 0x17fffffe}, kOff, chaos);
    m.cpu().set_gpr(0, kData + 4);
    m.cpu().set_gpr(10, kOff | kA);
    CHECK(m.faulted());
    CHECK(m.cpu().read(kElrEl1) == kCode);
    CHECK(m.cpu().instructions() == 4);
    //        The handler switches the check off and returns.
    m.put(kVectors + 0x200, {kWriteSctlr, 0xd69f03e0});
    m.cpu().ic_ialluis();
    m.cpu().set_gpr(10, kOff);
    m.cpu().write(GuestMachine::kElr, kVectors + 0x200);
    m.cpu().set_turn_end(1000);
    CHECK(m.cpu().enter_guest() == Vector::Irq);
    CHECK(m.cpu().stopped_by_owner());
  }
}

TEST_CASE("SCTLR_EL1.A: a page full of accesses, one of which is not aligned") {
  for (std::uint64_t chaos = 0; chaos < 4; ++chaos) {
    AlignmentMachine m({}, kOff | kA, chaos);
    for (std::uint64_t i = 0; i < 1024; ++i) {
      m.put(kCode + 4 * i, {i == 777 ? 0xf9400401U : 0xb9400401U});  // ldr x1 / w1, [x0, #8 / #4]
    }
    m.cpu().set_gpr(0, kData + 4);
    CHECK(m.faulted());
    CHECK(m.cpu().read(kElrEl1) == kCode + 4 * 777);
    CHECK(m.cpu().read(kFarEl1) == kData + 12);
    CHECK(m.cpu().instructions() == 778);
  }
}

TEST_CASE("what the CPU does not have is undefined before it is unaligned") {
  for (const std::uint32_t word : {0xf8210002U,     // ldadd x1, x2, [x0]
                                   0xc8a17c02U,     // cas x1, x2, [x0]
                                   0x48207c02U,     // casp x0, x1, x2, x3, [x0]
                                   0xc8df7c01U,     // ldlar x1, [x0]
                                   0xf8bfc001U,     // ldapr x1, [x0]
                                   0xd9400001U,     // ldapur x1, [x0]
                                   0xf8200401U}) {  // ldraa x1, [x0]
    CAPTURE(word);
    CHECK(alignment_of(word) == 0);
    AlignmentMachine m({word, kHvc}, kOff | kA);
    m.cpu().set_gpr(0, kData + 1);
    CHECK(m.faulted());
    CHECK(m.cpu().read(kEsrEl1) == 0x02000000);
  }
}

TEST_CASE("prefetches and what is no access need no alignment") {
  CHECK(alignment_of(0xf9800000) == 0);  // prfm pldl1keep, [x0]
  CHECK(alignment_of(0xd50b7420) == 0);  // dc zva, x0
  CHECK(alignment_of(0x8b020020) == 0);  // add x0, x1, x2
  AlignmentMachine m({0xf9800000, kHvc}, kOff | kA);
  m.cpu().set_gpr(0, kData + 1);
  CHECK_FALSE(m.faulted());
}

}  // namespace axvm::sim::aarch64
