// Code that a guest changes runs as it is now; whether harts with instruction caches would have
// known is checked and reported.

#include <doctest/doctest.h>

#include <vector>

#include "guest_machine.hpp"

namespace axvm::sim::riscv64::test {
namespace {

constexpr std::uint64_t kPlace = GuestMachine::kRam + 0x2000;
constexpr std::uint32_t kCall = 0x000300e7;   // jalr x1, (x6)
constexpr std::uint32_t kStore = 0x00732023;  // sw x7, (x6)
constexpr std::uint32_t kReturn = 0x00008067;

/// Runs to ECALL; x6 is the place that code is written to, x7 the instruction.
std::vector<UnmaintainedCode> events_of(std::initializer_list<std::uint32_t> code,
                                        std::uint64_t chaos = 0) {
  GuestMachine m(code);
  m.put(kPlace, {code::kNop, kReturn});
  m.cpu().set_chaos(chaos);
  m.cpu().set_gpr(6, kPlace);
  m.cpu().set_gpr(7, code::addi(5, 0, 1));
  std::vector<UnmaintainedCode> events;
  m.machine->listen([&](const UnmaintainedCode& event) { events.push_back(event); });
  REQUIRE(m.cpu().enter_guest() == GuestMachine::kEcallFromVs);
  CHECK(m.cpu().gpr(5) == 1);  // never stale
  CHECK(m.cpu().statistics().unmaintained_lines == events.size());
  return events;
}

TEST_CASE("code changed without FENCE.I is reported once, where it runs") {
  for (const std::uint64_t chaos : {0UL, 1UL, 2UL, 3UL, 4UL}) {
    CAPTURE(chaos);
    const auto events = events_of({kCall, kStore, kCall, kCall, code::kEcall}, chaos);
    REQUIRE(events.size() == 1);
    // call, nop, return, store, call
    CHECK(events[0] == UnmaintainedCode{0, 5, 5, kPlace, kPlace});
  }
}

TEST_CASE("code changed with FENCE.I is not reported, wherever that is") {
  CHECK(events_of({kCall, kStore, code::kFenceI, kCall, code::kEcall}).empty());
  CHECK(events_of({kCall, kStore, code::kFenceI, kCall, code::kEcall}, 9).empty());
  CHECK(events_of({kStore, code::kFenceI, kCall, code::kEcall}).empty());
  CHECK(events_of({kCall, kStore, code::kFenceI | 1U << 7, kCall, code::kEcall}).empty());  // rd
  CHECK(events_of({kCall, code::kFenceI, kStore, kCall, code::kEcall}).size() == 1);
  CHECK(events_of({kStore, kCall, code::kEcall}).size() == 1);
}

}  // namespace
}  // namespace axvm::sim::riscv64::test
