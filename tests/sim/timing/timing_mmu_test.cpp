#include <doctest/doctest.h>

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

}  // namespace axvm::sim::timing::test
