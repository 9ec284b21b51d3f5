// SP alignment checking (DDI 0487 D1.3.10): SCTLR_EL1.SA and SA0.

#include <doctest/doctest.h>

#include <sim/arch/aarch64/stack_alignment.hpp>
#include <vector>

#include "guest_machine.hpp"

namespace axvm::sim::aarch64 {
namespace {

constexpr std::uint64_t kCode = GuestMachine::kCode;
constexpr std::uint64_t kVectors = GuestMachine::kRam + 0x1000;
constexpr std::uint64_t kStack = GuestMachine::kRam + 0x2'0000;
constexpr SysReg kSctlr{3, 0, 1, 0, 0};
constexpr SysReg kCpacr{3, 0, 1, 0, 2};
constexpr SysReg kSpEl0{3, 0, 4, 1, 0};
constexpr SysReg kSpEl1{3, 4, 4, 1, 0};
constexpr SysReg kEsrEl1{3, 0, 5, 2, 0};
constexpr SysReg kElrEl1{3, 0, 4, 0, 1};
constexpr std::uint64_t kOff = 0x30c5'0820;  // SA and SA0 clear
constexpr std::uint64_t kSa = 1U << 3;
constexpr std::uint64_t kSa0 = 1U << 4;
constexpr std::uint64_t kSpAlignment = 0x26ULL << 26 | 1U << 25;

constexpr std::uint32_t kNop = 0xd503201f;
constexpr std::uint32_t kHvc = 0xd4000002;
constexpr std::uint32_t kLoad = 0xf94003e1;  // ldr x1, [sp]

struct StackMachine : GuestMachine {
  explicit StackMachine(std::initializer_list<std::uint32_t> code, std::uint64_t sctlr,
                        std::uint64_t chaos = 0)
      : GuestMachine(code) {
    cpu().set_chaos(chaos);
    cpu().write(kCpacr, 3U << 20);
    cpu().write(kVbar, kVectors);
    cpu().write(kSctlr, sctlr);
    cpu().write(kSpEl1, kStack);
    cpu().write(kSpEl0, kStack);
    cpu().set_gpr(0, kStack);
    cpu().set_gpr(2, 8);
    for (const std::uint64_t vector : {0UL, 0x200UL, 0x400UL}) {
      put(kVectors + vector, {kHvc | 7 << 5});
    }
  }
  /// The word of the code that found SP misaligned; nothing when the HVC came first.
  std::optional<std::uint64_t> fault() {
    CHECK(cpu().enter_guest() == Vector::Synchronous);
    if ((esr() & 0xffff) != 7) return std::nullopt;
    CHECK(cpu().read(kEsrEl1) == kSpAlignment);
    return (cpu().read(kElrEl1) - kCode) / 4;
  }
};

// What misaligns SP by 8, given SP = x0 = kStack and x2 = 8.
constexpr std::uint32_t kMisaligning[] = {
    0x910023ff,  // add sp, sp, #8
    0xd10023ff,  // sub sp, sp, #8
    0x9100201f,  // add sp, x0, #8
    0x8b2263ff,  // add sp, sp, x2
    0xcb22601f,  // sub sp, x0, x2
    0x8b22641f,  // add sp, x0, x2, uxtx #1, and so 16: see below
    0xb27d001f,  // orr sp, x0, #8
    0xd27d001f,  // eor sp, x0, #8
    0xf84087e3,  // ldr x3, [sp], #8
    0xf81f8fe3,  // str x3, [sp, #-8]!
    0xa8c093e3,  // ldp x3, x4, [sp], #8
    0x0cdf73e0,  // ld1 {v0.8b}, [sp], #8
    0x0cc273e0,  // ld1 {v0.8b}, [sp], x2
};
constexpr std::uint32_t kKeepsAligned = 0x8b22641f;

}  // namespace

TEST_CASE("SCTLR_EL1.SA: an access through a misaligned SP is a fault, however SP came to be so") {
  for (const std::uint32_t word : kMisaligning) {
    for (const std::uint64_t sctlr : {kOff, kOff | kSa, kOff | kSa0}) {
      CAPTURE(word);
      CAPTURE(sctlr);
      CHECK(may_misalign_stack(word));
      StackMachine m({kNop, word, kNop, kLoad, kHvc}, sctlr);
      const bool expected = (sctlr & kSa) != 0 && word != kKeepsAligned;
      CHECK(m.fault() == (expected ? std::optional(3UL) : std::nullopt));
      CHECK(m.cpu().instructions() == (expected ? 4UL : 5UL));
      if (expected) CHECK(m.cpu().gpr(1) == 0);
    }
  }
}

TEST_CASE("SP alignment: EL0 has a check of its own, on whichever SP it uses") {
  for (const std::uint64_t sctlr : {kOff | kSa, kOff | kSa0}) {
    StackMachine m({0x910023ff, kLoad, 0xd4000001}, sctlr);  // add sp, sp, #8; ldr; svc
    m.cpu().write(GuestMachine::kSpsr, 0x3c0);
    CHECK(m.cpu().enter_guest() == Vector::Synchronous);
    const bool expected = (sctlr & kSa0) != 0;
    CHECK(m.cpu().read(kEsrEl1) == (expected ? kSpAlignment : 0x56000000));
  }
  // EL1 that uses SP_EL0, which it or EL2 has set; SP_EL1 is nobody's then.
  StackMachine through_msr({0xd5184102, 0xd50040bf, kLoad, kHvc}, kOff | kSa);  // spsel #0
  CHECK(through_msr.fault() == 2U);
  StackMachine from_el2({kLoad, kHvc}, kOff | kSa);
  from_el2.cpu().write(kSpEl0, kStack + 4);
  from_el2.cpu().write(GuestMachine::kSpsr, 0x3c4);
  CHECK(from_el2.fault() == 0U);
  StackMachine other({kLoad, kHvc}, kOff | kSa);
  other.cpu().write(kSpEl0, kStack + 4);
  CHECK_FALSE(other.fault().has_value());
}

TEST_CASE("SP alignment: SP_EL0 may have been changed where nobody checks it") {
  constexpr SysReg kSpsrEl1{3, 0, 4, 0, 0};
  for (std::uint64_t chaos = 0; chaos < 4; ++chaos) {
    CAPTURE(chaos);
    // EL1, unchecked, on SP_EL0: add sp, sp, #8; eret to EL0, which is checked.
    StackMachine down({0x910023ff, 0xd69f03e0, kLoad}, kOff | kSa0, chaos);
    down.cpu().write(GuestMachine::kSpsr, 0x3c4);
    down.cpu().write(kSpsrEl1, 0x3c0);
    down.cpu().write(kElrEl1, kCode + 8);
    CHECK(down.fault() == 2U);
    // EL0, unchecked: add sp, sp, #8; svc. EL1, checked, on its own stack, then on SP_EL0.
    for (const std::uint32_t select : {0xd50040bfU, 0xd518421fU}) {  // msr spsel, #0 / xzr
      StackMachine up({0x910023ff, kLoad, 0xd4000001}, kOff | kSa, chaos);
      up.put(kVectors + 0x400, {kLoad, select, kNop, kLoad});
      up.put(kVectors + 0x000, {kHvc | 7 << 5});
      up.cpu().write(GuestMachine::kSpsr, 0x3c0);
      REQUIRE(up.cpu().enter_guest() == Vector::Synchronous);
      CHECK(up.cpu().read(kEsrEl1) == kSpAlignment);
      CHECK(up.cpu().read(kElrEl1) == kVectors + 0x40c);
    }
  }
}

TEST_CASE("SP alignment: which instructions check it") {
  for (const auto& [word, checks] : {std::pair{0xf94003e1U, true},      // ldr x1, [sp]
                                     std::pair{0x390003e1U, true},      // strb w1, [sp]
                                     std::pair{0xa9400be1U, true},      // ldp x1, x2, [sp]
                                     std::pair{0xf8636be1U, true},      // ldr x1, [sp, x3]
                                     std::pair{0xc85f7fe1U, true},      // ldxr x1, [sp]
                                     std::pair{0x4c4073e0U, true},      // ld1 {v0.16b}, [sp]
                                     std::pair{0xf98003e0U, false},     // prfm pldl1keep, [sp]
                                     std::pair{0xf940001fU, false},     // ldr xzr, [x0]
                                     std::pair{0x910043e1U, false},     // add x1, sp, #16
                                     std::pair{0x58000001U, false}}) {  // ldr x1, .
    CAPTURE(word);
    CHECK(checks_stack(word) == checks);
    StackMachine m({0x910023ff, word, kHvc}, kOff | kSa);
    m.cpu().set_gpr(3, 8);
    CHECK(m.fault() == (checks ? std::optional(1UL) : std::nullopt));
  }
}

TEST_CASE("SP alignment: common changes of SP are not looked at") {
  for (const std::uint32_t word : {0xd10083ffU,     // sub sp, sp, #32
                                   0x914007ffU,     // add sp, sp, #1, lsl #12
                                   0xa9be7bfdU,     // stp x29, x30, [sp, #-32]!
                                   0xa8c27bfdU,     // ldp x29, x30, [sp], #32
                                   0xf81f0ffeU,     // str x30, [sp, #-16]!
                                   0xf84107feU,     // ldr x30, [sp], #16
                                   0xb100201fU,     // cmn x0, #8
                                   0xf100401fU,     // cmp x0, #16
                                   0xeb22601fU,     // cmp x0, x2
                                   0xf27d001fU,     // tst x0, #8
                                   0xad7f07e0U}) {  // ldp q0, q1, [sp, #-32]
    CAPTURE(word);
    CHECK_FALSE(may_misalign_stack(word));
  }
}

TEST_CASE("SP alignment: SP may be anything while nobody uses it") {
  constexpr std::uint32_t kAdd = 0x8b2263ff;   // add sp, sp, x2
  constexpr std::uint32_t kCopy = 0xcb2263e0;  // sub x0, sp, x2
  constexpr std::uint32_t kTest = 0x36000040;  // tbz w0, #0, .+8
  constexpr std::uint32_t kBack = 0xcb2263ff;  // sub sp, sp, x2
  for (const std::uint64_t chaos : {0UL, 1UL, 2UL}) {
    CAPTURE(chaos);
    StackMachine m({kAdd, kCopy, kTest, kNop, kBack, kLoad, kHvc}, kOff | kSa, chaos);
    CHECK_FALSE(m.fault().has_value());
    StackMachine used({kAdd, kCopy, kNop, kLoad, kBack, kHvc}, kOff | kSa, chaos);
    CHECK(used.fault() == 3);
    StackMachine left({kAdd, 0x14000002, kBack, kLoad, kHvc}, kOff | kSa, chaos);  // b .+8
    CHECK(left.fault() == 3);
    StackMachine again({kAdd, kCopy, kAdd, kNop, kNop, kNop, kNop, kNop, kNop, kNop, kNop, kNop,
                        kBack, kLoad, kHvc},
                       kOff | kSa, chaos);
    CHECK(again.fault() == 13);
  }
}

TEST_CASE("SP alignment: the check comes before the address is looked at, and goes with SA") {
  StackMachine m({0x910023ff, kLoad, kHvc}, kOff | kSa);
  m.cpu().write(kSpEl1, 0x0900'0000);  // where nothing is
  CHECK(m.fault() == 1U);
  for (std::uint64_t chaos = 0; chaos < 6; ++chaos) {
    CAPTURE(chaos);
    //           sub sp, #8; ldr; msr sctlr_el1, x10; ldr; b -4
    StackMachine late({0xd10023ff, kLoad, 0xd518100a, kLoad, 0x17ffffff}, kOff, chaos);
    late.cpu().set_gpr(10, kOff | kSa);
    CHECK(late.fault() == 3U);
    CHECK(late.cpu().instructions() == 4);
  }
}

TEST_CASE("SP alignment: code that misaligns SP again and again is checked again and again") {
  for (std::uint64_t chaos = 0; chaos < 4; ++chaos) {
    CAPTURE(chaos);
    // 1: sub sp, #8; add sp, #8; ldr x1, [sp]; subs x5, #1; b.ne 1b; sub sp, #8; ldr x1, [sp]
    StackMachine m({0xd10023ff, 0x910023ff, kLoad, 0xf10004a5, 0x54ffff81, 0xd10023ff, kLoad, kHvc},
                   kOff | kSa, chaos);
    m.cpu().set_gpr(5, 10'000);
    CHECK(m.fault() == 6U);
    CHECK(m.cpu().instructions() == 50'002);
  }
}

}  // namespace axvm::sim::aarch64
