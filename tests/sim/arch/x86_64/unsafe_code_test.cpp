// Guests cannot end the engine's process.

#include <doctest/doctest.h>

#include <algorithm>
#include <sim/arch/x86_64/unsafe_code.hpp>

#include "guest_machine.hpp"

namespace axvm::sim::x86_64::test {
namespace {

using M = GuestMachine;
constexpr std::uint64_t kCode = M::kCode;

std::vector<std::uint32_t> places(const Code& start, std::size_t at = 100) {
  std::vector<std::uint8_t> page(4096, 0x90);
  std::copy_n(start.begin(), std::min(start.size(), page.size() - at),
              page.begin() + static_cast<long>(at));
  std::vector<std::uint32_t> found;
  for_each_unsafe_place(page, [&](std::uint32_t offset) { found.push_back(offset); });
  std::ranges::sort(found);
  return found;
}

TEST_CASE("unsafe places are where a locked bit test of a register may begin") {
  using Places = std::vector<std::uint32_t>;
  CHECK(places({0xf0, 0x0f, 0xb3, 0xd7}) == Places{100});
  CHECK(places({0x66, 0xf0, 0x48, 0x0f, 0xba, 0xe8, 1}) == Places{100, 101});
  CHECK(places({0xf0, 0x66, 0xf0, 0x0f, 0xab, 0xc0}) == Places{100, 101, 102});
  CHECK(places({0xf0, 0x0f, 0xb3, 0x17}).empty());  // of memory
  CHECK(places({0xf0, 0x0f, 0xb1, 0xd7}).empty());
  CHECK(places({0x0f, 0xb3, 0xd7}).empty());
  // Who knows how it goes on.
  CHECK(places({0xf0}, 4095) == Places{4095});
  CHECK(places({0x90, 0xf0, 0x0f, 0xb3}, 4092) == Places{4093});
}

TEST_CASE("a locked bit test of a register is an invalid opcode, and nothing else happens") {
  for (const Code& bad :
       {Code{0xf0, 0x0f, 0xb3, 0xd7}, Code{0xf0, 0x0f, 0xa3, 0xc0}, Code{0xf0, 0x0f, 0xab, 0xc0},
        Code{0xf0, 0x0f, 0xbb, 0xc0}, Code{0xf0, 0x0f, 0xba, 0xe8, 1},
        Code{0x66, 0xf0, 0x48, 0x0f, 0xb3, 0xd7}}) {
    M m(join({code::kIncRbx, bad, code::kIncRbx, code::kVmmcall}));
    m.field<std::uint32_t>(M::kExceptions) = 1U << 6;
    REQUIRE(m.run() == 0x46);
    CHECK(m.field(M::kRip) == kCode + 3);
    CHECK(m.cpu().gpr(3) == 1);
    CHECK(m.cpu().instructions() == 1);
    // Skipped, it does not matter.
    m.field(M::kRip) += bad.size();
    REQUIRE(m.run() == kExitVmmcall);
    CHECK(m.cpu().gpr(3) == 2);
    CHECK(m.cpu().instructions() == 2);
  }
}

TEST_CASE("bytes that only look like one are code like any other") {
  // mov eax, 0xd7b30ff0; inc rbx; vmmcall
  M m(join({{0xb8, 0xf0, 0x0f, 0xb3, 0xd7}, code::kIncRbx, code::kVmmcall}));
  REQUIRE(m.run() == kExitVmmcall);
  CHECK(m.field(M::kRax) == 0xd7b3'0ff0);
  CHECK(m.cpu().instructions() == 2);
  // lock inc dword [rbx] at a page's end, which the machine cannot know in advance
  M late({});
  late.put(kCode + 4095 - 3, {0x48, 0xff, 0xc6, 0xf0, 0xff, 0x03, 0x0f, 0x01, 0xd9});
  late.field(M::kRip) = kCode + 4095 - 3;
  late.cpu().set_gpr(3, 0x50'0000);
  REQUIRE(late.run() == kExitVmmcall);
  CHECK(late.word(0x50'0000) == 1);
  CHECK(late.cpu().instructions() == 2);
}

TEST_CASE("code that becomes one while it runs is found") {
  // mov byte [rip+2], 0xd7: the next one's ModRM, of which 0x17 was memory at [rdi]
  M m(join({{0xc6, 0x05, 0x03, 0x00, 0x00, 0x00, 0xd7}, {0xf0, 0x0f, 0xb3, 0x17}, code::kVmmcall}));
  m.cpu().set_gpr(7, 0x50'0000);
  m.field<std::uint32_t>(M::kExceptions) = 1U << 6;
  REQUIRE(m.run() == 0x46);
  CHECK(m.field(M::kRip) == kCode + 7);
  CHECK(m.cpu().instructions() == 1);
}

}  // namespace
}  // namespace axvm::sim::x86_64::test
