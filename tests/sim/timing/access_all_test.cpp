#include <doctest/doctest.h>
#include <rapidcheck.h>

#include <cstdint>
#include <sim/timing/timing_mmu.hpp>
#include <vector>

#include "tables.hpp"

namespace axvm::sim::timing::test {
namespace {

constexpr std::uint64_t kVa = 0x1234'5678'0000;
constexpr std::uint64_t kPages = 64;

std::uint32_t number(std::uint32_t least, std::uint32_t most) {
  return *rc::gen::inRange(least, most + 1);
}
bool one_in(int times) { return *rc::gen::inRange(0, times) == 0; }

CacheShape any_shape() {
  const std::uint32_t ways = 1U << number(0, 5);
  return {.entries = ways << number(0, 3),
          .ways = ways,
          .replacement = static_cast<Replacement>(number(0, 2))};
}

TlbProfile any_tlb() {
  TlbProfile profile{.shape = any_shape(),
                     .cycles = number(0, 7),
                     .page_shifts = {},
                     .coalesce = 1U << number(0, 3)};
  if (one_in(4)) profile.page_shifts = {21};  // holds none of the pages
  return profile;
}

Profile any_profile() {
  Profile profile;
  profile.l1_tlbs = {any_tlb()};
  if (one_in(2)) {
    profile.l1_tlbs.push_back(any_tlb());
    profile.l1_tlbs[0].data = profile.l1_tlbs[1].fetches = false;
  }
  if (one_in(2)) profile.l2_tlbs = {any_tlb()};
  if (one_in(2)) profile.stage1_walk_caches = {{.shape = any_shape(), .heights = {}}};
  if (one_in(2)) profile.ipa_caches = {{.shape = any_shape(), .page_shifts = {}}};
  std::uint32_t cycles = 1;
  for (DataCache& cache : profile.memory.caches) {
    if (one_in(4)) continue;
    const std::uint32_t ways = number(1, LineCache::kMostWays);
    cache = {.lines = (LineCache::kFewestSets << number(0, 2)) * ways,
             .ways = ways,
             .cycles = cycles += number(0, 20)};
  }
  profile.memory.memory_cycles = cycles + number(0, 200);
  profile.memory.walker_enters = static_cast<Level>(number(0, 2));
  profile.outstanding = number(1, 40);
  profile.walkers = number(1, 4);
  return profile;
}

// Some pages again and again, one line after the other now and then; one access of so many leads
// nowhere.
std::vector<Reference> any_references(int nowhere) {
  std::vector<Reference> references(number(0, 300));
  std::uint64_t at = 0;
  for (Reference& reference : references) {
    at = one_in(4) ? std::uint64_t{number(0, kPages - 1)} << 12 : at + 8 * number(0, 16);
    at %= kPages << 12;
    reference = {.offset = one_in(nowhere) ? at + (kPages << 12) : at,
                 .access = static_cast<Access>(number(0, 2)),
                 .waits = one_in(3)};
  }
  return references;
}

std::size_t one_by_one(TimingMmu& mmu, const std::vector<Reference>& references) {
  std::size_t done = 0;
  for (const Reference& reference : references) {
    if (!mmu.access(kVa + reference.offset, reference.access, reference.waits)) break;
    ++done;
  }
  return done;
}

}  // namespace

TEST_CASE("accesses in a row count as those one by one, by any profile, whatever is in between") {
  Tables tables;
  tables.map2_ram();
  for (std::uint64_t page = 0; page < kPages; ++page) {
    // Most pages follow each other.
    tables.map1(kVa + (page << 12), Tables::kRam + (page % 7 == 0 ? page + 100 : page) * 0x1000);
  }
  const auto holds = rc::check([&] {
    const Profile profile = any_profile();
    TimingMmu together(profile, tables.memory());
    TimingMmu apart(profile, tables.memory());
    const bool nested = one_in(2);
    for (TimingMmu* const mmu : {&together, &apart}) {
      mmu->set_stage1(tables.stage1());
      if (nested) mmu->set_stage2(tables.stage2());
    }
    const std::uint32_t batches = number(1, 6);
    for (std::uint32_t batch = 0; batch < batches; ++batch) {
      const auto references = any_references(batch % 2 == 0 ? 1'000'000 : 200);
      RC_ASSERT(together.access_all(kVa, references) == one_by_one(apart, references));
      RC_ASSERT(together.counters() == apart.counters());
      const std::uint32_t between = number(0, 3);
      const std::uint64_t va = kVa + (std::uint64_t{number(0, kPages - 1)} << 12);
      for (TimingMmu* const mmu : {&together, &apart}) {
        switch (between) {
          case 0: mmu->invalidate_va(va, 0x1000); break;
          case 1: mmu->advance(17); break;
          case 2: mmu->fetch(va); break;
          default: mmu->refuse(va, Access::Load); break;
        }
      }
    }
    RC_ASSERT(together.counters() == apart.counters());
  });
  CHECK(holds);
}

}  // namespace axvm::sim::timing::test
