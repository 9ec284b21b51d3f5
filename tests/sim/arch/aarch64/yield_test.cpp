// YIELD ends the turn, exactly where it is.

#include <doctest/doctest.h>

#include <vector>

#include "guest_machine.hpp"

namespace axvm::sim::aarch64 {
namespace {

constexpr std::uint64_t kCode = GuestMachine::kCode;
constexpr std::uint32_t kNop = 0xd503201f;
constexpr std::uint32_t kYield = 0xd503203f;
constexpr std::uint32_t kHvc = 0xd4000002;

/// Runs to the HVC; how many instructions had retired at the end of each turn.
std::vector<std::uint64_t> turns(GuestMachine& m) {
  std::vector<std::uint64_t> ends;
  while (m.cpu().enter_guest() == Vector::Irq && m.cpu().stopped_by_owner()) {
    ends.push_back(m.cpu().instructions());
    CHECK(m.elr() == kCode + 4 * ends.back());
    if (ends.size() == 100) break;
  }
  return ends;
}

}  // namespace

TEST_CASE("YIELD retires and ends the turn") {
  using Ends = std::vector<std::uint64_t>;
  for (std::uint64_t chaos = 0; chaos < 6; ++chaos) {
    CAPTURE(chaos);
    GuestMachine m({kNop, kYield, kNop, kYield, kYield, kNop, kHvc});
    m.cpu().set_chaos(chaos);
    CHECK(turns(m) == Ends{2, 4, 5});
    CHECK(m.ec() == 0x16);
    CHECK(m.cpu().instructions() == 7);
  }
}

TEST_CASE("YIELD ends the turn at EL0, too, and in a page full of it") {
  GuestMachine m({});
  for (std::uint64_t i = 0; i < 50; ++i) m.put(kCode + 4 * i, {kYield});
  m.put(kCode + 200, {kHvc});
  m.cpu().write(GuestMachine::kSpsr, 0x3c0);
  m.cpu().write(GuestMachine::kVbar, GuestMachine::kRam + 0x1000);
  m.put(GuestMachine::kRam + 0x1400, {kHvc});  // HVC is undefined at EL0
  CHECK(turns(m).size() == 50);
  CHECK(m.ec() == 0x16);
}

TEST_CASE("a stop by the owner around YIELD leaves no trace") {
  for (std::uint64_t limit = 0; limit < 5; ++limit) {
    CAPTURE(limit);
    GuestMachine m({kNop, kNop, kYield, kNop, kHvc});
    m.cpu().set_instruction_limit(limit);
    std::uint64_t stops = 0;
    std::uint64_t turns = 0;
    while (m.cpu().enter_guest() == Vector::Irq) {
      if (m.cpu().stopped_at_limit()) {
        CHECK(m.cpu().instructions() == limit);
        m.cpu().set_instruction_limit(Pcpu::kNever);
        ++stops;
      } else {
        CHECK(m.cpu().instructions() == 3);
        ++turns;
      }
    }
    CHECK(stops == 1);
    CHECK(turns == 1);
    CHECK(m.cpu().instructions() == 5);
  }
}

}  // namespace axvm::sim::aarch64
