#include <doctest/doctest.h>
#include <rapidcheck.h>

#include <sim/timing/timing_mmu.hpp>

#include "tables.hpp"

namespace axvm::sim::timing::test {
namespace {

constexpr std::uint64_t kVa = 0x1234'5678'9000;
constexpr std::uint64_t kPage = 0x4010'0000;

TlbProfile tlb(std::uint32_t entries, std::uint32_t cycles = 0) {
  return {.shape = {.entries = entries, .ways = entries}, .cycles = cycles, .page_shifts = {}};
}

struct Fixture {
  explicit Fixture(const Profile& profile) : mmu(profile, tables.memory()) {
    for (std::uint64_t page = 0; page < 16; ++page) {
      tables.map1(kVa + page * 0x1000, kPage + page * 0x1000);
    }
    mmu.set_stage1(tables.stage1());
  }
  void load(std::uint64_t page) {
    REQUIRE(mmu.access(kVa + page * 0x1000, Access::Load) == kPage + page * 0x1000);
  }
  std::uint64_t walks() const { return mmu.counters().walks; }

  Tables tables;
  TimingMmu mmu;
};

}  // namespace

TEST_CASE("a translation is walked for once, and forgotten when others need its place") {
  Profile profile = bare();
  profile.l1_tlbs = {tlb(2)};
  Fixture f(profile);
  f.load(0);
  f.load(0);
  CHECK(f.walks() == 1);
  f.load(1);
  f.load(2);
  CHECK(f.walks() == 3);
  f.load(0);
  CHECK(f.walks() == 4);
}

TEST_CASE("the second level answers what the first has forgotten; each miss counts once") {
  Profile profile = bare();
  profile.l1_tlbs = {tlb(2)};
  profile.l2_tlbs = {tlb(8, 3)};
  Fixture f(profile);
  for (std::uint64_t page = 0; page < 4; ++page) f.load(page);
  f.mmu.reset_counters();
  for (std::uint64_t page = 0; page < 4; ++page) f.load(page);
  const Counters& counters = f.mmu.counters();
  CHECK(counters.accesses == 4);
  CHECK(counters.l1_tlb_refills == 4);
  CHECK(counters.l2_tlb_accesses == 4);
  CHECK(counters.l2_tlb_refills == 0);
  CHECK(counters.walks == 0);
  CHECK(counters.translation_cycles == 4 * 3);
}

TEST_CASE("fetches and data have TLBs of their own where the profile says so") {
  Profile profile = bare();
  profile.l1_tlbs = {tlb(4), tlb(4)};
  profile.l1_tlbs[0].data = false;
  profile.l1_tlbs[1].fetches = false;
  Fixture f(profile);
  f.load(0);
  REQUIRE(f.mmu.access(kVa, Access::Fetch).has_value());
  CHECK(f.walks() == 2);
  REQUIRE(f.mmu.access(kVa, Access::Store).has_value());
  CHECK(f.walks() == 2);
  CHECK(f.mmu.counters().fetches == 1);
}

TEST_CASE("a TLB for pages of one size keeps no others") {
  Profile profile = bare();
  profile.l1_tlbs = {tlb(4)};
  profile.l1_tlbs[0].page_shifts = {21};
  Fixture f(profile);
  f.tables.map1(0x20'0000, 0x4020'0000, 1);
  f.load(0);
  f.load(0);
  CHECK(f.walks() == 2);
  for (const std::uint64_t offset : {0x0000U, 0x1'0000U, 0x1f'f000U}) {
    REQUIRE(f.mmu.access(0x20'0000 + offset, Access::Load) == 0x4020'0000 + offset);
  }
  CHECK(f.walks() == 3);
}

TEST_CASE("accesses that wait follow one another, others overlap as far as the core looks ahead") {
  const auto cycles = [](std::uint32_t outstanding, std::uint32_t walkers, bool waits) {
    Profile profile = bare();
    profile.memory.memory_cycles = 100;
    profile.outstanding = outstanding;
    profile.walkers = walkers;
    Fixture f(profile);
    for (std::uint64_t page = 0; page < 4; ++page) {
      REQUIRE(f.mmu.access(kVa + page * 0x1000, Access::Load, waits).has_value());
    }
    return f.mmu.counters().cycles;
  };
  // A walk of four reads, then the data: 500 cycles an access.
  CHECK(cycles(1, 1, false) == 2001);
  CHECK(cycles(8, 8, true) == 2001);
  CHECK(cycles(8, 1, false) == 1701);  // walks one after the other, data at once
  CHECK(cycles(8, 2, false) == 902);   // two walks at a time
  CHECK(cycles(8, 4, false) == 504);   // all at once, begun a cycle apart
  CHECK(cycles(2, 4, false) == 1002);
}

TEST_CASE("a large page's invalidation takes the small ones within it") {
  Profile profile = bare();
  profile.l1_tlbs = {tlb(8)};
  profile.l2_tlbs = {tlb(8)};
  Fixture f(profile);
  f.load(0);
  f.load(1);
  f.mmu.invalidate_va(kVa & ~0x1f'ffffULL, 0x20'0000);
  f.load(0);
  f.load(1);
  CHECK(f.walks() == 4);
}

TEST_CASE("an invalidation of one page leaves the others") {
  Profile profile = bare();
  profile.l1_tlbs = {tlb(8)};
  Fixture f(profile);
  f.load(0);
  f.load(1);
  f.mmu.invalidate_va(kVa, 0x1000);
  f.load(1);
  CHECK(f.walks() == 2);
  f.load(0);
  CHECK(f.walks() == 3);
}

TEST_CASE("an invalidation up to the end of all addresses reaches each of them") {
  Profile profile = with_walk_cache({});
  profile.l1_tlbs = {tlb(8)};
  Fixture f(profile);
  f.load(0);
  f.load(1);
  f.mmu.invalidate_va(kVa, ~std::uint64_t{0});
  f.mmu.reset_counters();
  f.load(0);
  f.load(1);
  CHECK(f.walks() == 2);
  CHECK(f.mmu.counters().references() == 5);  // the second one by the tables of the first
}

TEST_CASE("what stage 2 no longer says is used nowhere") {
  Profile profile = bare();
  profile.l1_tlbs = {tlb(8)};
  profile.ipa_caches = {{.shape = {.entries = 64, .ways = 64}, .page_shifts = {}}};
  Fixture f(profile);
  f.tables.map2_ram();
  f.mmu.set_stage2(f.tables.stage2());
  f.load(0);
  f.tables.map2(kPage, 0x9'0000'0000);
  f.load(0);  // nobody has said so yet
  f.mmu.invalidate_ipa(kPage, 0x1000);
  CHECK(f.mmu.access(kVa, Access::Load) == 0x9'0000'0000);
}

TEST_CASE("after an invalidation of all, nothing is known") {
  Profile profile = with_walk_cache({});
  profile.l1_tlbs = {tlb(8)};
  Fixture f(profile);
  f.load(0);
  f.mmu.invalidate_all();
  f.mmu.reset_counters();
  f.load(0);
  CHECK(f.mmu.counters().references() == 4);
}

TEST_CASE("an access that no table maps is counted as a fault and leads nowhere") {
  Fixture f(bare());
  CHECK_FALSE(f.mmu.access(kVa + 0x10'0000, Access::Load).has_value());
  CHECK(f.mmu.counters().faults == 1);
  f.load(0);
}

TEST_CASE("a coalesced entry holds the pages of a block that follow each other, and no others") {
  Profile profile = bare();
  profile.l1_tlbs = {tlb(16)};
  profile.l1_tlbs[0].coalesce = 4;
  Tables tables;
  TimingMmu mmu(profile, tables.memory());
  mmu.set_stage1(tables.stage1());
  // Eight pages that follow each other, but for the last one; the first block is aligned in what
  // it leads to, too, the second is not.
  const std::uint64_t va = 0x1234'5678'8000;
  for (std::uint64_t page = 0; page < 4; ++page) {
    tables.map1(va + page * 0x1000, kPage + page * 0x1000);
    tables.map1(va + (4 + page) * 0x1000,
                kPage + 0x5000 + page * 0x1000 + (page == 3 ? 0x1000 : 0));
  }
  const auto walks_for = [&](std::uint64_t page) {
    const std::uint64_t before = mmu.counters().walks;
    REQUIRE(mmu.access(va + page * 0x1000, Access::Load).has_value());
    return mmu.counters().walks - before;
  };
  CHECK(walks_for(1) == 1);
  for (const std::uint64_t page : {0U, 1U, 2U, 3U}) CHECK(walks_for(page) == 0);
  // The block of four has a page that does not follow: one of two is left.
  CHECK(walks_for(4) == 1);
  CHECK(walks_for(5) == 0);
  CHECK(walks_for(6) == 1);
  CHECK(walks_for(7) == 1);
  mmu.invalidate_va(va + 0x2000, 0x1000);
  CHECK(walks_for(0) == 1);
  CHECK(walks_for(7) == 0);
}

TEST_CASE("a first level that does not coalesce has single pages of what the second has together") {
  Profile profile = bare();
  profile.l1_tlbs = {tlb(16)};
  profile.l2_tlbs = {tlb(16, 3)};
  profile.l2_tlbs[0].coalesce = 8;
  Fixture f(profile);
  f.load(7);  // from here on, pages are in blocks of 8
  f.load(8);
  f.load(9);
  f.load(8);
  const Counters counters = f.mmu.counters();
  CHECK(counters.walks == 1);
  CHECK(counters.l1_tlb_refills == 3);
}

TEST_CASE("a TLB that fractures keeps the piece of a large page that is asked for") {
  Profile profile = bare();
  profile.l1_tlbs = {tlb(16)};
  profile.l1_tlbs[0].page_shifts = {12, 16};
  Tables tables;
  tables.map1(0x4000'0000, 0x8000'0000, 1);
  for (const bool fracture : {false, true}) {
    CAPTURE(fracture);
    profile.l1_tlbs[0].fracture = fracture;
    TimingMmu mmu(profile, tables.memory());
    mmu.set_stage1(tables.stage1());
    // Two accesses to one piece of 64 KiB, one to another.
    for (const std::uint64_t offset : {0x1'2345U, 0x1'ffffU, 0x2'0000U}) {
      CHECK(mmu.access(0x4000'0000 + offset, Access::Load) == 0x8000'0000 + offset);
    }
    CHECK(mmu.counters().walks == (fracture ? 2 : 3));
  }
}

TEST_CASE("coalescing and fracturing change no address, whatever is mapped and invalidated") {
  const auto holds = rc::check([] {
    Tables tables;
    tables.map2_ram();
    const bool nested = *rc::gen::arbitrary<bool>();
    const auto any_tlb = [](std::uint32_t entries) {
      TlbProfile profile = tlb(entries);
      profile.coalesce = 1U << *rc::gen::inRange(0, 4);
      profile.fracture = *rc::gen::arbitrary<bool>();
      if (*rc::gen::arbitrary<bool>()) profile.page_shifts = {12};
      return profile;
    };
    Profile profile = bare();
    profile.l1_tlbs = {any_tlb(4)};
    profile.l2_tlbs = {any_tlb(16)};
    TimingMmu mmu(profile, tables.memory());
    TimingMmu reference(bare(), tables.memory());
    for (TimingMmu* const each : {&mmu, &reference}) {
      each->set_stage1(tables.stage1());
      if (nested) each->set_stage2(tables.stage2());
    }
    // 32 pages and two blocks; most pages are where their neighbours lead one to expect them.
    constexpr std::uint64_t kBlocks = 0x1234'5680'0000;
    const auto map = [&](std::uint64_t page, std::uint64_t to) {
      tables.map1(kVa + page * 0x1000, Tables::kRam + to * 0x1000);
    };
    for (std::uint64_t page = 0; page < 32; ++page) map(page, 0x40 + page);
    tables.map1(kBlocks, Tables::kRam, 1);
    tables.map1(kBlocks + 0x20'0000, Tables::kRam + 0x20'0000, 1);
    const int steps = *rc::gen::inRange(20, 200);
    for (int step = 0; step < steps; ++step) {
      const auto page = static_cast<std::uint64_t>(*rc::gen::inRange(0, 32));
      switch (*rc::gen::inRange(0, 6)) {
        case 0: {
          map(page, static_cast<std::uint64_t>(*rc::gen::inRange(0x40, 0x60)));
          mmu.invalidate_va(kVa + page * 0x1000, 0x1000);
          break;
        }
        case 1: {
          // Stage 2 moves a page and back.
          const std::uint64_t ipa = Tables::kRam + (0x40 + page) * 0x1000;
          tables.map2(ipa, ipa ^ static_cast<std::uint64_t>(*rc::gen::inRange(0, 2)) << 30);
          mmu.invalidate_ipa(ipa, 0x1000);
          break;
        }
        case 2: {
          const std::uint64_t va = kBlocks + (page << 17) + 0x123;
          RC_ASSERT(mmu.access(va, Access::Load) == reference.access(va, Access::Load));
          break;
        }
        default: {
          const std::uint64_t va = kVa + page * 0x1000 + 0x456;
          RC_ASSERT(mmu.access(va, Access::Store) == reference.access(va, Access::Store));
        }
      }
    }
  });
  CHECK(holds);
}

}  // namespace axvm::sim::timing::test
