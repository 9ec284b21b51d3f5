// Code that a guest changes runs as it is now; whether the instruction caches of other machines
// would have known is checked and reported.
#include <doctest/doctest.h>

#include <vector>

#include "guest_machine.hpp"

namespace axvm::sim::aarch64 {
namespace {

constexpr std::uint64_t kPlace = GuestMachine::kRam + 0x2000;
constexpr std::uint32_t kNop = 0xd503201f;
constexpr std::uint32_t kRet = 0xd65f03c0;
constexpr std::uint32_t kHvc = 0xd4000002;
constexpr std::uint32_t kCallX1 = 0xd63f0020;   // blr x1
constexpr std::uint32_t kStoreW2 = 0xb9000022;  // str w2, [x1]
constexpr std::uint32_t kIcIvauX3 = 0xd50b7523;
constexpr std::uint32_t kIcIallu = 0xd508751f;
constexpr std::uint32_t kIcIalluis = 0xd508711f;
constexpr std::uint32_t kIsb = 0xd5033fdf;
constexpr std::uint32_t kMovX0 = 0xd2800020;  // mov x0, #1

/// Runs to the first trap; X1 is the place that code is written to, X2 the instruction, X3 what IC
/// IVAU is about.
std::vector<UnmaintainedCode> events_of(std::initializer_list<std::uint32_t> code,
                                        std::uint64_t invalidated = kPlace, std::uint64_t chaos = 0,
                                        std::uint32_t word = kMovX0) {
  GuestMachine m(code);
  m.put(kPlace, {kNop, kRet});
  m.cpu().set_chaos(chaos);
  m.cpu().set_gpr(1, kPlace);
  m.cpu().set_gpr(2, word);
  m.cpu().set_gpr(3, invalidated);
  std::vector<UnmaintainedCode> events;
  m.machine->listen([&](const UnmaintainedCode& event) { events.push_back(event); });
  REQUIRE(m.cpu().enter_guest() == Vector::Synchronous);
  CHECK(m.cpu().gpr(0) == (word == kMovX0 ? 1 : 0));  // never stale
  CHECK(m.cpu().statistics().unmaintained_lines == events.size());
  return events;
}

}  // namespace

TEST_CASE("code changed without IC IVAU is reported once, where it runs") {
  for (const std::uint64_t chaos : {0UL, 1UL, 2UL, 3UL, 4UL}) {
    CAPTURE(chaos);
    const auto events = events_of({kCallX1, kStoreW2, kIsb, kCallX1, kCallX1, kHvc}, kPlace, chaos);
    REQUIRE(events.size() == 1);
    // blr, nop, ret, str, isb, blr
    CHECK(events[0] == UnmaintainedCode{0, 6, 6, kPlace, kPlace});
  }
}

TEST_CASE("code changed with IC IVAU, IC IALLU or IC IALLUIS is not reported") {
  for (const std::uint32_t maintenance : {kIcIvauX3, kIcIallu, kIcIalluis}) {
    CAPTURE(maintenance);
    CHECK(events_of({kCallX1, kStoreW2, maintenance, kIsb, kCallX1, kHvc}).empty());
    CHECK(events_of({kCallX1, kStoreW2, maintenance, kIsb, kCallX1, kHvc}, kPlace, 9).empty());
  }
}

TEST_CASE("maintenance of another line, or before the store, does not count") {
  CHECK(events_of({kCallX1, kStoreW2, kIcIvauX3, kIsb, kCallX1, kHvc}, kPlace + 64).size() == 1);
  CHECK(events_of({kCallX1, kIcIvauX3, kStoreW2, kIsb, kCallX1, kHvc}).size() == 1);
  CHECK(events_of({kCallX1, kIcIallu, kStoreW2, kIsb, kCallX1, kHvc}).size() == 1);
}

TEST_CASE("code written to a page that never ran before needs maintenance, too") {
  CHECK(events_of({kStoreW2, kIsb, kCallX1, kHvc}).size() == 1);
  CHECK(events_of({kStoreW2, kIcIvauX3, kIsb, kCallX1, kHvc}).empty());
}

TEST_CASE("a store that changes nothing changes no code") {
  CHECK(events_of({kCallX1, kStoreW2, kIsb, kCallX1, kHvc}, kPlace, 0, kNop).empty());
}

TEST_CASE("a line is reported again after maintenance and another change") {
  // add w2, w2, #0x20 makes it mov x0, #2; sub takes it back
  CHECK(events_of({kCallX1, kStoreW2, kCallX1, kIcIvauX3, 0x11008042, kStoreW2, kCallX1, 0x51008042,
                   kStoreW2, kIcIvauX3, kCallX1, kHvc})
            .size() == 2);
}

TEST_CASE("what the host writes needs no maintenance by the guest") {
  GuestMachine m({kCallX1, kHvc});
  m.put(kPlace, {kNop, kRet});
  m.cpu().set_gpr(1, kPlace);
  REQUIRE(m.cpu().enter_guest() == Vector::Synchronous);
  m.put(kPlace, {kMovX0, kRet});
  m.machine->memory_written(kPlace, 4);
  m.cpu().write(GuestMachine::kElr, GuestMachine::kCode);
  REQUIRE(m.cpu().enter_guest() == Vector::Synchronous);
  CHECK(m.cpu().gpr(0) == 1);
  CHECK(m.cpu().statistics().unmaintained_lines == 0);
}

TEST_CASE("an instruction that is watched for two reasons traps once") {
  GuestMachine m({kCallX1, kStoreW2, kCallX1, kHvc});
  m.put(kPlace, {kNop, kRet});
  m.cpu().set_gpr(1, kPlace);
  m.cpu().set_gpr(2, 0xd5381023);  // mrs x3, actlr_el1
  REQUIRE(m.cpu().enter_guest() == Vector::Synchronous);
  CHECK(m.ec() == 0x18);
  CHECK(m.elr() == kPlace);
  CHECK(m.cpu().statistics().unmaintained_lines == 1);
  m.skip_instruction();
  REQUIRE(m.cpu().enter_guest() == Vector::Synchronous);
  CHECK(m.ec() == 0x16);
}

TEST_CASE("code that changes itself for ever costs bounded memory and is reported per line") {
  // str w2, [x1]; blr x1; add w2, w2, #0x20; b -12: each round another instruction, no maintenance
  GuestMachine m({kStoreW2, kCallX1, 0x11008042, 0x17fffffd});
  m.put(kPlace, {kNop, kRet});
  m.cpu().set_gpr(1, kPlace);
  m.cpu().set_gpr(2, kMovX0);
  m.cpu().set_instruction_limit(6'000);
  REQUIRE(m.cpu().enter_guest() == Vector::Irq);
  CHECK(m.cpu().statistics().unmaintained_lines == 1);
}

}  // namespace axvm::sim::aarch64
