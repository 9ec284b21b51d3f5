// The engine fetches other words than those in memory; a guest must not be able to tell.

#include <doctest/doctest.h>

#include <sim/arch/aarch64/code_copies.hpp>

#include "guest_machine.hpp"

namespace axvm::sim::aarch64 {
namespace {

constexpr std::uint64_t kCode = GuestMachine::kCode;

TEST_CASE("a guest that reads its code reads what is in memory") {
  GuestMachine m({
      0xd50320bf,  // sevl
      0x58ffffe1,  // ldr x1, .-4
      0xd503205f,  // wfe
      0x58ffffe2,  // ldr x2, .-4
      0xd4000022,  // hvc #1
  });
  REQUIRE(m.cpu().enter_guest() == Vector::Synchronous);
  CHECK(m.esr() == 0x5a000001);
  CHECK(m.cpu().gpr(1) == 0x58ffffe1d50320bf);
  CHECK(m.cpu().gpr(2) == 0x58ffffe2d503205f);
  CHECK(m.cpu().instructions() == 5);
}

TEST_CASE("an SVC of the guest's own is one, beside those that stand for something else") {
  GuestMachine m({
      0xd50320bf,  // sevl
      0xd4000001,  // svc #0
  });
  m.cpu().write(GuestMachine::kVbar, kCode + 0x800);
  m.put(kCode + 0x800 + 0x200, {0xd4000022});  // hvc #1
  REQUIRE(m.cpu().enter_guest() == Vector::Synchronous);
  CHECK(m.elr() == kCode + 0xa04);
  CHECK(m.cpu().read(SysReg(3, 0, 5, 2, 0)) == 0x56000000);
  CHECK(m.cpu().read(SysReg(3, 0, 4, 0, 1)) == kCode + 8);
}

TEST_CASE("a replaced instruction that the guest overwrites is gone") {
  GuestMachine m({
      0xd50320bf,  // 1: sevl
      0xb9000002,  // str w2, [x0]
      0xd5087500,  // ic iallu
      0xd5033fdf,  // isb
      0x91000421,  // add x1, x1, #1
      0xf1000c3f,  // cmp x1, #3
      0x54ffff41,  // b.ne 1b
      0xd4000022,  // hvc #1
  });
  m.cpu().set_gpr(0, kCode);
  m.cpu().set_gpr(2, 0x91000463);  // add x3, x3, #1
  REQUIRE(m.cpu().enter_guest() == Vector::Synchronous);
  CHECK(m.esr() == 0x5a000001);
  CHECK(m.cpu().gpr(3) == 2);
}

TEST_CASE("arithmetic with SP: the value, and who is checked") {
  GuestMachine m({
      0x910003ff,  // mov sp, sp
      0x9140041f,  // add sp, x0, #1, lsl #12
      0x910003e1,  // mov x1, sp
      0xcb206bff,  // sub sp, sp, x0, uxtx #2
      0x910003e2,  // mov x2, sp
      0x8b2063ff,  // add sp, sp, x0
      0x910003e3,  // mov x3, sp
      0xd4000022,  // hvc #1
  });
  m.cpu().set_gpr(0, 0x4000'0010);
  REQUIRE(m.cpu().enter_guest() == Vector::Synchronous);
  CHECK(m.cpu().gpr(1) == 0x4000'1010);
  CHECK(m.cpu().gpr(2) == 0x4000'1010 - 0x1'0000'0040);
  CHECK(m.cpu().gpr(3) == 0x4000'1010 - 0x1'0000'0040 + 0x4000'0010);
  CHECK(m.cpu().instructions() == 8);
}

TEST_CASE("more pages of replaced instructions than there are copies") {
  constexpr std::uint64_t kPages = CodeCopies::kMaxCopies + 8;
  constexpr std::uint64_t kFirst = GuestMachine::kRam + GuestMachine::kRamSize;
  GuestMachine m({0xd61f0000}, 1, GuestMachine::kRamSize + kPages * 4096);  // br x0
  for (std::uint64_t n = 0; n < kPages; ++n) {
    m.put(kFirst + n * 4096, {
                                 0xd50320bf,  // sevl
                                 0x91000421,  // add x1, x1, #1
                                 0x140003fe,  // b to the next page
                             });
  }
  m.put(kFirst + (kPages - 1) * 4096 + 8, {
                                              0xb4000062,  // cbz x2, 1f
                                              0xaa1f03e2,  // mov x2, xzr
                                              0xd61f0060,  // br x3
                                              0xd4000022,  // 1: hvc #1
                                          });
  m.cpu().set_gpr(0, kFirst);
  m.cpu().set_gpr(2, 1);
  m.cpu().set_gpr(3, kFirst);
  REQUIRE(m.cpu().enter_guest() == Vector::Synchronous);
  CHECK(m.esr() == 0x5a000001);
  CHECK(m.cpu().gpr(1) == 2 * kPages);
  CHECK(m.cpu().instructions() == 1 + 2 * 3 * (kPages - 1) + 5 + 4);
}

}  // namespace
}  // namespace axvm::sim::aarch64
