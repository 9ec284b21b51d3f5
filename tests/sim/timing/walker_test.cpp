#include <doctest/doctest.h>

#include "tables.hpp"

namespace axvm::sim::timing::test {
namespace {

constexpr std::uint64_t kVa = 0x1234'5678'9000;
constexpr std::uint64_t kPage = 0x4010'0000;

struct Fixture {
  explicit Fixture(const Profile& profile) : hierarchy(profile.memory) {
    walker.emplace(profile, tables.memory(), hierarchy, counters);
    walker->set_stage1(tables.stage1());
  }
  void nested() {
    tables.map2_ram();
    walker->set_stage2(tables.stage2());
  }
  // How many descriptors the walk reads.
  std::uint64_t references(std::uint64_t va) {
    const std::uint64_t before = counters.references();
    std::uint32_t cycles = 0;
    REQUIRE(walker->walk(va, 1, 1, cycles).has_value());
    CHECK(cycles == counters.references() - before);
    return counters.references() - before;
  }

  Tables tables;
  Counters counters;
  MemoryHierarchy hierarchy;
  std::optional<Walker> walker;
};

}  // namespace

TEST_CASE("a walk leads where both stages say, and reads each descriptor once") {
  Fixture f(bare());
  f.tables.map1(kVa, kPage);
  f.nested();
  f.tables.map2(kPage, 0x7'0000'5000);
  std::uint32_t cycles = 0;
  const auto found = f.walker->walk(kVa + 0x123, 1, 1, cycles);
  REQUIRE(found.has_value());
  CHECK(found->address == 0x7'0000'5123);
  CHECK(found->page_shift == 12);
  CHECK(f.counters.stage1_references() == 4);
  CHECK(f.counters.stage2_references() == 20);
  for (std::size_t height = 0; height < 4; ++height) {
    CHECK(f.counters.stage1[height][3] == 1);
    CHECK(f.counters.stage2[height][3] == 5);
  }
}

TEST_CASE("without stage 2 an intermediate address is a physical one") {
  Fixture f(bare());
  f.tables.map1(kVa, kPage);
  CHECK(f.references(kVa) == 4);
  CHECK(f.counters.stage2_references() == 0);
}

TEST_CASE("without stage 1 a virtual address is an intermediate one") {
  Fixture f(bare());
  f.walker->set_stage1({});
  f.nested();
  CHECK(f.references(kPage) == 4);
  CHECK(f.counters.stage1_references() == 0);
}

TEST_CASE("a translation holds for the smaller page of both stages") {
  Fixture f(bare());
  f.tables.map1(kVa & ~0x1f'ffffULL, 0x4020'0000, 1);
  f.nested();
  std::uint32_t cycles = 0;
  CHECK(f.walker->walk(kVa, 1, 1, cycles)->page_shift == 12);
  CHECK(f.counters.references() == 3 + 4 * 4);
}

TEST_CASE("a walk cache begins a walk at the table it knows, neither above nor below") {
  for (unsigned height = 0; height < 3; ++height) {
    CAPTURE(height);
    Fixture f(with_walk_cache({height}));
    f.tables.map1(kVa, kPage);
    // Another page of the same table at this height, by a table of its own below.
    const std::uint64_t near = kVa ^ (1ULL << (12 + 9 * height));
    f.tables.map1(near, kPage);
    // And one that shares no table with it but those above.
    const std::uint64_t far = kVa ^ (1ULL << (12 + 9 * (height + 1)));
    f.tables.map1(far, kPage);
    CHECK(f.references(kVa) == 4);
    CHECK(f.references(near) == height + 1);
    CHECK(f.references(far) == 4);
    CHECK(f.references(kVa) == height + 1);
    CHECK(f.counters.stage1_walk_cache_hits == 2);
  }
}

TEST_CASE("of several heights, the table furthest down counts") {
  Fixture f(with_walk_cache({}));
  f.tables.map1(kVa, kPage);
  f.tables.map1(kVa ^ (1ULL << 21), kPage);
  f.tables.map1(kVa ^ (1ULL << 30), kPage);
  f.tables.map1(kVa ^ (1ULL << 39), kPage);
  CHECK(f.references(kVa) == 4);
  CHECK(f.references(kVa) == 1);
  CHECK(f.references(kVa ^ (1ULL << 21)) == 2);
  CHECK(f.references(kVa ^ (1ULL << 30)) == 3);
  CHECK(f.references(kVa ^ (1ULL << 39)) == 4);
}

TEST_CASE("a walk that ends in a block leaves nothing of the last level") {
  Fixture f(with_walk_cache({0}));
  const std::uint64_t block = kVa & ~0x1f'ffffULL;
  f.tables.map1(block, 0x4020'0000, 1);
  CHECK(f.references(block) == 3);
  CHECK(f.references(block + 0x1000) == 3);
}

TEST_CASE("walk caches know spaces apart") {
  Fixture f(with_walk_cache({}));
  f.tables.map1(kVa, kPage);
  CHECK(f.references(kVa) == 4);
  std::uint32_t cycles = 0;
  REQUIRE(f.walker->walk(kVa, 2, 1, cycles).has_value());
  CHECK(f.counters.references() == 8);
}

TEST_CASE("with r guest descriptors left and q of stage 2 for each, r(q + 1) + q are read") {
  Profile profile = with_walk_cache({0});
  SUBCASE("a walk cache: r = 1, q = 4") {
    Fixture f(profile);
    f.tables.map1(kVa, kPage);
    f.nested();
    CHECK(f.references(kVa) == 24);
    CHECK(f.references(kVa) == 9);
  }
  SUBCASE("and a stage-2 walk cache: r = 1, q = 1") {
    profile.stage2_walk_caches = {{.shape = {.entries = 64, .ways = 64}, .heights = {}}};
    Fixture f(profile);
    f.tables.map1(kVa, kPage);
    f.nested();
    f.references(kVa);
    CHECK(f.references(kVa) == 3);
  }
  SUBCASE("or an IPA cache: r = 1, q = 0") {
    profile.ipa_caches = {{.shape = {.entries = 64, .ways = 64}, .page_shifts = {}}};
    Fixture f(profile);
    f.tables.map1(kVa, kPage);
    f.nested();
    f.references(kVa);
    CHECK(f.references(kVa) == 1);
    CHECK(f.counters.ipa_cache_hits > 0);
  }
}

TEST_CASE("an IPA cache for large pages keeps no small ones") {
  Profile profile = bare();
  profile.ipa_caches = {{.shape = {.entries = 64, .ways = 64}, .page_shifts = {21, 30}}};
  Fixture f(profile);
  f.tables.map1(kVa, kPage);
  f.nested();
  CHECK(f.references(kVa) == 24);
  CHECK(f.references(kVa) == 24);
  CHECK(f.counters.ipa_cache_hits == 0);
}

TEST_CASE("what is not mapped, or beyond the format's reach, is a fault") {
  Fixture f(with_walk_cache({}));
  f.tables.map1(kVa, kPage);
  std::uint32_t cycles = 0;
  CHECK_FALSE(f.walker->walk(kVa + 0x1000, 1, 1, cycles).has_value());
  CHECK_FALSE(f.walker->walk(kVa | (1ULL << 48), 1, 1, cycles).has_value());
  CHECK(f.references(kVa) == 1);  // the walk that failed has seen the tables above
}

TEST_CASE("what is invalidated is read again, the rest is not") {
  Fixture f(with_walk_cache({}));
  const std::uint64_t other = kVa ^ (1ULL << 39);
  f.tables.map1(kVa, kPage);
  f.tables.map1(other, kPage);
  f.references(kVa);
  f.references(other);
  f.walker->remove_if([](const PageCache::Entry& entry, unsigned stage) {
    return stage == 1 && kVa - entry.page < 1ULL << entry.shift;
  });
  CHECK(f.references(kVa) == 4);
  CHECK(f.references(other) == 1);
}

}  // namespace axvm::sim::timing::test
