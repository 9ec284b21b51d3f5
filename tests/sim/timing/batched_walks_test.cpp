#include <doctest/doctest.h>
#include <rapidcheck.h>

#include <sim/timing/batched_walks.hpp>

#include "tables.hpp"

namespace axvm::sim::timing::test {
namespace {

std::optional<Translation> walk_one(const Tables& tables, Stage stage1, Stage stage2,
                                    std::uint64_t va) {
  const Profile profile = bare();
  Counters counters;
  MemoryHierarchy hierarchy(profile.memory);
  Walker walker(profile, tables.memory(), hierarchy, counters);
  walker.set_stage1(stage1);
  walker.set_stage2(stage2);
  std::uint32_t cycles = 0;
  return walker.walk(va, 1, 1, cycles);
}

}  // namespace

TEST_CASE("walks side by side find what each finds on its own") {
  const auto holds = rc::check([] {
    Tables tables;
    tables.map2_ram();
    const bool stage1_on = *rc::gen::arbitrary<bool>();
    const bool stage2_on = *rc::gen::arbitrary<bool>();
    // Close to each other and far from each other, mapped and not; blocks of two sizes, and some
    // that lead to where stage 2 has nothing.
    const auto addresses = *rc::gen::container<std::vector<std::uint64_t>>(
        *rc::gen::inRange<std::size_t>(0, 100),
        rc::gen::map(rc::gen::arbitrary<std::uint64_t>(), [](auto bits) {
          const std::uint64_t page = (bits & 0x1ff) << 12 | (bits >> 9 & 3) << 21 |
                                     (bits >> 11 & 3) << 30 | (bits >> 13 & 3) << 39;
          return page | (bits >> 50 & 0xfff) | (bits >> 62 == 3 ? 1ULL << 60 : 0);
        }));
    for (std::size_t i = 0; i < addresses.size(); i += 2) {
      const std::uint64_t va = addresses[i] & ((1ULL << 48) - 1);
      const unsigned height = va >> 39 == 3 ? 1 : 0;
      const std::uint64_t mask = ~((1ULL << (12 + 9 * height)) - 1);
      tables.map1(va & mask,
                  (Tables::kRam + (va & 0x1f'f000) + (i % 6 == 0 ? 1ULL << 30 : 0)) & mask, height);
    }
    const Stage stage1 = stage1_on ? tables.stage1() : Stage{};
    const Stage stage2 = stage2_on ? tables.stage2() : Stage{};
    std::vector<std::optional<Translation>> found(addresses.size(), Translation{1, 1});
    walk_batch(tables.memory(), stage1, stage2, addresses, found);
    for (std::size_t i = 0; i < addresses.size(); ++i) {
      const auto alone = walk_one(tables, stage1, stage2, addresses[i]);
      RC_ASSERT(found[i].has_value() == alone.has_value());
      if (!alone) continue;
      RC_ASSERT(found[i]->address == alone->address);
      RC_ASSERT(found[i]->page_shift == alone->page_shift);
    }
  });
  CHECK(holds);
}

TEST_CASE("no walk is left out where all begin, end or fail at the same time") {
  Tables tables;
  tables.map2_ram();
  for (std::uint64_t page = 0; page < 300; ++page) {
    tables.map1(0x5000'0000 + page * 0x1000, Tables::kRam + page * 0x1000);
  }
  for (const std::size_t count : {0UL, 1UL, 31UL, 32UL, 33UL, 300UL, 400UL}) {
    CAPTURE(count);
    std::vector<std::uint64_t> addresses;
    for (std::uint64_t i = 0; i < count; ++i) addresses.push_back(0x5000'0008 + i * 0x1000);
    std::vector<std::optional<Translation>> found(count);
    walk_batch(tables.memory(), tables.stage1(), tables.stage2(), addresses, found);
    for (std::size_t i = 0; i < count; ++i) {
      REQUIRE(found[i].has_value() == (i < 300));
      if (i < 300) CHECK(found[i]->address == Tables::kRam + i * 0x1000 + 8);
    }
  }
}

}  // namespace axvm::sim::timing::test
