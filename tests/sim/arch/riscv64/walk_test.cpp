// Walks of tables made by hand.

#include <doctest/doctest.h>

#include "world.hpp"

namespace axvm::sim::riscv64::test {
namespace {

constexpr std::uint64_t kVa = 0x12'3456'7000;

Fault fault_of(const std::expected<Translation, Fault>& result) {
  REQUIRE(!result);
  return result.error();
}

TEST_CASE("both stages lead to the page, at all depths of both") {
  for (const unsigned vs : {3U, 4U, 5U}) {
    for (const unsigned g : {0U, 3U, 4U, 5U}) {
      CAPTURE(vs);
      CAPTURE(g);
      World w({.vs_levels = vs, .g_levels = g});
      // The highest address of the lower half, and the lowest of the upper half.
      const std::uint64_t half = 1ULL << (12 + 9 * vs - 1);
      for (const std::uint64_t va : {kVa, half - 4096, ~(half - 1)}) {
        const std::uint64_t gpa = w.map_new(va);
        const auto t = w.walk(va + 0x123);
        REQUIRE(t);
        CHECK(t->gpa == gpa + 0x123);
        CHECK(t->pa == w.pa_of(gpa) + 0x123);
        CHECK(t->page_size == 4096);
      }
      // Just beyond either half.
      for (const std::uint64_t va : {half, ~half}) {
        const Fault f = fault_of(w.walk(va, {.access = Access::Store}));
        CHECK(f.cause() == Cause::StorePageFault);
        CHECK(f.va == va);
      }
    }
  }
}

TEST_CASE("a walk of Sv39 over Sv39x4 reads fifteen entries, each at its place") {
  World w;
  const std::uint64_t gpa = w.map_new(kVa);
  Recorder seen;
  REQUIRE(w.mmu.walk(kVa, {}, seen));
  REQUIRE(seen.steps.size() == 15);
  for (unsigned n = 0; n < 15; ++n) {
    CAPTURE(n);
    const WalkStep& s = seen.steps[n];
    const bool vs = n % 4 == 3;
    CHECK(s.stage == (vs ? WalkStep::Stage::Vs : WalkStep::Stage::G));
    CHECK(s.level == (vs ? 2 - n / 4 : 2 - n % 4));
    CHECK(s.implicit == (!vs && n < 12));
    CHECK(s.entry == w.word(s.entry_pa));
    CHECK(s.entry_gpa == s.table + std::uint64_t{s.index} * 8);
  }
  CHECK(seen.steps[3].table == w.vs_root());
  CHECK(seen.steps[3].index == (kVa >> 30 & 511));
  CHECK(seen.steps[3].index_high == 38);
  CHECK(seen.steps[3].index_low == 30);
  CHECK(seen.steps[0].index_high == 40);  // Sv39x4: 11 bits
  CHECK(seen.steps[12].input == gpa);
  CHECK(seen.steps[14].kind == WalkStep::Kind::Leaf);
}

TEST_CASE("large leaves of either stage, and the smaller one's size for both") {
  World w({.g_leaf = 1});
  const std::uint64_t gpa = 0x8020'0000;
  static_cast<void>(w.new_page());
  w.map_g(gpa, World::kGuestRam + 0x20'0000, 1);
  w.map(0x4000'0000, gpa & ~0x3fff'ffffULL, 2);  // 1 GiB
  const auto t = w.walk(0x4023'4567);
  REQUIRE(t);
  CHECK(t->gpa == 0x8023'4567);
  CHECK(t->pa == World::kGuestRam + 0x23'4567);
  CHECK(t->page_size == 2U << 20);
  w.map(kVa & ~0x1f'ffffULL, gpa, 1);
  CHECK(w.walk(kVa)->pa == World::kGuestRam + 0x20'0000 + (kVa & 0x1f'ffff));
}

TEST_CASE("Svnapot maps 64 KiB by any of its sixteen entries") {
  World w;
  const std::uint64_t va = 0x5555'0000;
  std::uint64_t gpa = w.new_page();
  while ((gpa & 0xffff) != 0) gpa = w.new_page();
  for (unsigned n = 1; n < 16; ++n) static_cast<void>(w.new_page());
  for (unsigned n = 0; n < 16; ++n) w.map(va + n * 4096, gpa | 0x8000, 0, kPlain | kN);
  const auto t = w.walk(va + 0x5678);
  REQUIRE(t);
  CHECK(t->gpa == gpa + 0x5678);
  CHECK(t->page_size == 4096);  // the G-stage's
  // Another number in ppn[3:0] is reserved, and N in all but the lowest level.
  w.map(va, gpa | 0x4000, 0, kPlain | kN);
  CHECK(fault_of(w.walk(va)).kind == FaultKind::Page);
  w.map(0x4000'0000, 0x8000'0000, 2, kPlain | kN);
  CHECK(fault_of(w.walk(0x4000'0000)).kind == FaultKind::Page);
}

TEST_CASE("what is reserved in an entry is a page fault") {
  World w;
  const std::uint64_t gpa = w.map_new(kVa);
  std::uint64_t& leaf = w.vs_slot(kVa, 0);
  const auto faults = [&](std::uint64_t bits) {
    leaf = entry(gpa, bits);
    const auto t = w.walk(kVa);
    return !t && t.error().kind == FaultKind::Page && t.error().level == 0;
  };
  CHECK_FALSE(faults(kPlain));
  CHECK(faults(kPlain & ~kV));
  CHECK(faults(kPlain & ~kR));  // W without R
  CHECK(faults(kV));            // a pointer at the last level
  CHECK(faults(kPlain | 1ULL << 54));
  CHECK(faults(kPlain | 1ULL << 60));
  CHECK(faults(kPlain | 3ULL << 61));
  CHECK(faults(kPlain & ~kA));
  CHECK_FALSE(faults(kPlain | kG));
  CHECK_FALSE(faults(kPlain | 3U << 8));  // RSW is software's

  std::uint64_t& table = w.vs_slot(kVa, 1);
  leaf = entry(gpa, kPlain);
  const std::uint64_t good = table;
  for (const std::uint64_t bits : {kA, kD, kU, kNc, kN}) {
    CAPTURE(bits);
    table = good | bits;
    const Fault f = fault_of(w.walk(kVa, {.access = Access::Fetch}));
    CHECK(f.cause() == Cause::InstructionPageFault);
    CHECK(f.level == 1);
  }
  table = good | kG;
  CHECK(w.walk(kVa));
  // A large leaf that is not aligned to its size.
  table = entry(gpa | 0x1000, kPlain);
  CHECK(fault_of(w.walk(kVa)).level == 1);
}

TEST_CASE("Svpbmt's types need henvcfg.PBMTE in the VS-stage") {
  World w;
  const std::uint64_t gpa = w.map_new(kVa, kPlain | kNc);
  CHECK(fault_of(w.walk(kVa)).kind == FaultKind::Page);
  w.mmu.registers().henvcfg = envcfg::PBMTE;
  REQUIRE(w.walk(kVa));
  CHECK(w.walk(kVa)->uncached);
  w.map(kVa, gpa);
  CHECK_FALSE(w.walk(kVa)->uncached);
  w.g_slot(gpa, 0) |= kIo;
  CHECK(w.walk(kVa)->uncached);
}

TEST_CASE("what the G-stage lacks is a guest page fault with the guest physical address") {
  World w;
  const std::uint64_t gpa = w.map_new(kVa);
  const std::uint64_t good = w.g_slot(gpa, 0);
  for (const std::uint64_t bad : {std::uint64_t{0}, good & ~kU, good & ~kA, good & ~kR, kV}) {
    CAPTURE(bad);
    w.g_slot(gpa, 0) = bad;
    const Fault f = fault_of(w.walk(kVa + 8));
    CHECK(f.cause() == Cause::LoadGuestPageFault);
    CHECK(f.gpa == gpa + 8);
    CHECK(f.va == kVa + 8);
    CHECK_FALSE(f.implicit);
  }
  w.g_slot(gpa, 0) = good & ~kW;
  CHECK(w.walk(kVa));
  CHECK(fault_of(w.walk(kVa, {.access = Access::Store})).cause() == Cause::StoreGuestPageFault);
  w.g_slot(gpa, 0) = good & ~kD;
  CHECK(fault_of(w.walk(kVa, {.access = Access::Store})).cause() == Cause::StoreGuestPageFault);
  w.g_slot(gpa, 0) = good & ~kX;
  CHECK(fault_of(w.walk(kVa, {.access = Access::Fetch})).cause() ==
        Cause::InstructionGuestPageFault);
}

TEST_CASE("a table of the VS-stage that the G-stage lacks is an implicit access's fault") {
  World w;
  w.map_new(kVa);
  const std::uint64_t table = w.vs_slot(kVa, 1) >> 10 << 12;
  const std::uint64_t good = w.g_slot(table, 0);
  // To be read, not written: W, D and X do not matter.
  w.g_slot(table, 0) = good & ~(kW | kD | kX);
  CHECK(w.walk(kVa, {.access = Access::Store}));
  // Executable alone does not do, with MXR neither.
  for (const std::uint64_t bad : {std::uint64_t{0}, (good & ~(kR | kW))}) {
    w.g_slot(table, 0) = bad;
    const Fault f = fault_of(w.walk(kVa, {.access = Access::Store, .mxr = true, .hs_mxr = true}));
    CHECK(f.cause() == Cause::StoreGuestPageFault);
    CHECK(f.implicit);
    CHECK(f.gpa == table + (kVa >> 12 & 511) * 8);
    CHECK(f.va == kVa);
  }
}

TEST_CASE("guest physical addresses beyond the G-stage's width are guest page faults") {
  World w({.vs_levels = 0});
  CHECK(fault_of(w.walk(1ULL << 41)).kind == FaultKind::GuestPage);
  CHECK(fault_of(w.walk(~0ULL)).gpa == ~0ULL);
  World deep({.vs_levels = 0, .g_levels = 5});
  deep.map_g(1ULL << 58, World::kGuestRam);
  CHECK(deep.walk((1ULL << 58) + 4)->pa == World::kGuestRam + 4);
}

TEST_CASE("tables where there is no memory are access faults") {
  World w;
  w.map_new(kVa);
  w.vs_slot(kVa, 1) = entry(0x8400'0000, kV);
  w.map_g(0x8400'0000, 0x20'0000'0000);
  CHECK(fault_of(w.walk(kVa, {.access = Access::Fetch})).cause() == Cause::InstructionAccessFault);
  World bare({.vs_levels = 0});
  bare.mmu.registers().hgatp = 8ULL << 60 | 0x7'0000'0000 >> 12;
  CHECK(fault_of(bare.walk(kVa)).cause() == Cause::LoadAccessFault);
}

TEST_CASE("with both stages Bare an address is what it is") {
  World w({.vs_levels = 0, .g_levels = 0});
  Recorder seen;
  const auto t = w.mmu.walk(kVa, {.access = Access::Fetch, .user = true}, seen);
  REQUIRE(t);
  CHECK(t->pa == kVa);
  CHECK(t->permissions.store);
  CHECK(seen.steps.empty());
}

}  // namespace
}  // namespace axvm::sim::riscv64::test
