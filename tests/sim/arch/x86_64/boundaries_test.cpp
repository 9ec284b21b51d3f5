// Instructions at the ends of pages, code that writes itself, and what upsets the engine.

#include <doctest/doctest.h>

#include "guest_machine.hpp"

namespace axvm::sim::x86_64::test {
namespace {

using M = GuestMachine;
constexpr std::uint64_t kCode = M::kCode;

/// A guest whose linear page after the one at kCode is `next`: 0 is none.
void map_pages(M& m, std::uint64_t next) {
  // 1 GiB becomes pages of 2 MiB, of which the first one is pages of 4 KiB.
  constexpr std::uint64_t kDirectory = 0x2'3000;
  constexpr std::uint64_t kPages = 0x2'4000;
  for (unsigned n = 0; n < 512; ++n) {
    m.word(kDirectory + n * 8) = std::uint64_t{n} << 21 | 0x87;
    m.word(kPages + n * 8) = std::uint64_t{n} << 12 | 7;
  }
  m.word(kDirectory) = kPages | 7;
  m.word(kPages + ((kCode >> 12) + 1) * 8) = next;
  m.word(M::kTables + 0x1000) = kDirectory | 7;
}

TEST_CASE("what follows a faulting instruction at a page's end is not fetched") {
  M m({});
  map_pages(m, 0);
  // mov eax, [rbx]; then nothing, since the page ends
  m.put(kCode + 4096 - 2, {0x8b, 0x03});
  m.field(M::kRip) = kCode + 4096 - 2;
  m.field<std::uint32_t>(M::kExceptions) = 1U << 14;
  m.cpu().set_gpr(3, 0x7'0000'0000);
  REQUIRE(m.run() == 0x4e);
  CHECK(m.field(M::kExitInfo2) == 0x7'0000'0000);
  CHECK(m.field(M::kRip) == kCode + 4096 - 2);
  CHECK(m.cpu().instructions() == 0);
  // When it does not fault, the next one does.
  m.cpu().set_gpr(3, 0);
  REQUIRE(m.run() == 0x4e);
  CHECK(m.field(M::kExitInfo1) == 0x10);
  CHECK(m.field(M::kExitInfo2) == kCode + 4096);
  CHECK(m.field(M::kRip) == kCode + 4096);
  CHECK(m.cpu().instructions() == 1);
}

TEST_CASE("an instruction in two pages faults at the second one's first byte") {
  M m({});
  map_pages(m, 0);
  // inc rbx; inc rbx; mov eax, 0x11223344, of which two bytes are in the second page
  m.put(kCode + 4096 - 9, {0x48, 0xff, 0xc3, 0x48, 0xff, 0xc3, 0xb8, 0x44, 0x33});
  m.put(kCode + 0x2000, {0x22, 0x11, 0x0f, 0x01, 0xd9});
  m.field(M::kRip) = kCode + 4096 - 9;
  m.field<std::uint32_t>(M::kExceptions) = 1U << 14;
  REQUIRE(m.run() == 0x4e);
  CHECK(m.field(M::kExitInfo2) == kCode + 4096);
  CHECK(m.field(M::kRip) == kCode + 4096 - 3);
  CHECK(m.cpu().instructions() == 2);
  CHECK(m.cpu().gpr(3) == 2);
  map_pages(m, (kCode + 0x2000) | 7);
  REQUIRE(m.run() == kExitVmmcall);
  CHECK(m.field(M::kRax) == 0x1122'3344);
  CHECK(m.cpu().instructions() == 3);
}

TEST_CASE("a store into the block that is running is seen by its next instruction") {
  // mov byte [rip+3], 2; add ebx, 1 (which becomes 2); nop; vmmcall
  M m({0xc6, 0x05, 0x02, 0x00, 0x00, 0x00, 0x02, 0x83, 0xc3, 0x01, 0x90, 0x0f, 0x01, 0xd9});
  REQUIRE(m.run() == kExitVmmcall);
  CHECK(m.cpu().gpr(3) == 2);
  CHECK(m.cpu().instructions() == 3);
}

TEST_CASE("code of another mode at the same place is counted as such") {
  // 48 40 40 is one instruction's prefixes in 64-bit code, and three of 32-bit code.
  M m({0x48, 0x40, 0x40, 0x90, 0x0f, 0x01, 0xd9});
  REQUIRE(m.run() == kExitVmmcall);
  CHECK(m.cpu().instructions() == 1);
  m.segment(M::kCs, 0x18, 0xc9b, ~0U, 0);
  m.field(M::kRip) = kCode;
  REQUIRE(m.run() == kExitVmmcall);
  CHECK(m.cpu().instructions() == 5);
}

TEST_CASE("MOV SS and STI keep interrupts off for one instruction, across an exit") {
  // sti; vmmcall; inc rbx; vmmcall
  M m({0xfb, 0x0f, 0x01, 0xd9, 0x48, 0xff, 0xc3, 0x0f, 0x01, 0xd9});
  REQUIRE(m.run() == kExitVmmcall);
  CHECK((m.field(M::kShadow) & 1) == 1);
  m.skip_instruction();
  m.field(M::kShadow) = 0;
  REQUIRE(m.run() == kExitVmmcall);
  CHECK((m.field(M::kShadow) & 1) == 0);
}

TEST_CASE("another CPU's stores reach code that has run, and data") {
  M m({0x90, 0x0f, 0x01, 0xd9}, 2);
  m.field(M::kRip) = kCode;
  REQUIRE(m.run() == kExitVmmcall);
  // On the other one: mov byte [kCode], 0xf4; vmmcall
  m.put(kCode + 0x1000, {0xc6, 0x04, 0x25, 0x00, 0x00, 0x10, 0x00, 0xf4, 0x0f, 0x01, 0xd9});
  m.field(M::kRip) = kCode + 0x1000;
  REQUIRE(m.cpu(1).vmrun(M::kVmcb) == ExitCode::Vmmcall);
  m.field(M::kRip) = kCode;
  m.field<std::uint32_t>(M::kIntercepts) |= 1U << 24;
  CHECK(m.run() == kExitHlt);
}

}  // namespace
}  // namespace axvm::sim::x86_64::test
