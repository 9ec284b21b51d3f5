#include <doctest/doctest.h>

#include <algorithm>
#include <sim/timing/memory_hierarchy.hpp>
#include <vector>

namespace axvm::sim::timing::test {
namespace {

HierarchyProfile two_levels(Level walker_enters = Level::L1) {
  HierarchyProfile profile;
  profile.caches[0] = {.lines = 128, .ways = 2, .cycles = 4};
  profile.caches[1] = {.lines = 512, .ways = 8, .cycles = 10};
  profile.memory_cycles = 100;
  profile.walker_enters = walker_enters;
  return profile;
}

}  // namespace

TEST_CASE("a line comes from memory once, then from the nearest cache that kept it") {
  MemoryHierarchy memory(two_levels());
  CHECK(memory.access(0x1000).level == Level::Memory);
  CHECK(memory.access(0x103f).level == Level::L1);  // the same line
  CHECK(memory.access(0x2000).cycles == 100);       // 64 sets: the same one
  CHECK(memory.access(0x3000).cycles == 100);
  CHECK(memory.access(0x1000).cycles == 10);  // two later lines took its place in L1
  CHECK(memory.access(0x1000).cycles == 4);
}

TEST_CASE("a cache of lines does what a list of lines by age does") {
  for (const std::uint32_t ways : {1U, 2U, 3U, 4U, 7U, 11U, 16U}) {
    CAPTURE(ways);
    constexpr std::uint64_t kSets = LineCache::kFewestSets;
    LineCache cache(static_cast<std::uint32_t>(kSets) * ways, ways);
    std::vector<std::vector<std::uint64_t>> model(kSets);  // the oldest first
    std::uint64_t state = 1;
    for (int step = 0; step < 20000; ++step) {
      state = state * 6364136223846793005 + 1442695040888963407;
      // Neighbours, and lines as far away as there are.
      const std::uint64_t line =
          (state >> 40) % (kSets * ways * 2) +
          ((state >> 20) % 2 == 0 ? 0 : (LineCache::kLimit - (kSets * ways * 2)) / kSets * kSets);
      auto& ages = model[line % kSets];
      const auto known = std::ranges::find(ages, line);
      REQUIRE(cache.access(line) == (known != ages.end()));
      if (known != ages.end()) {
        ages.erase(known);
      } else if (ages.size() == ways) {
        ages.erase(ages.begin());
      }
      ages.push_back(line);
    }
  }
}

TEST_CASE("walkers look from their level on, and share the lines there") {
  MemoryHierarchy memory(two_levels(Level::L2));
  CHECK(memory.access(0x1000).level == Level::Memory);
  CHECK(memory.walk(0x1000).level == Level::L2);
  CHECK(memory.walk(0x2000).level == Level::Memory);
  CHECK(memory.access(0x2000).level == Level::L2);  // a walk fills no L1
}

TEST_CASE("fetches have a first level of their own where there is one") {
  MemoryHierarchy shared(two_levels());
  CHECK(shared.fetch(0x1000).level == Level::Memory);
  CHECK(shared.access(0x1000).level == Level::L1);
  HierarchyProfile profile = two_levels();
  profile.instructions = {.lines = 64, .ways = 1, .cycles = 1};
  MemoryHierarchy apart(profile);
  CHECK(apart.fetch(0x1000).level == Level::Memory);
  CHECK(apart.access(0x1000).level == Level::L2);  // which is shared
  CHECK(apart.fetch(0x1000).level == Level::L1);
  CHECK(apart.fetch(0x1000).cycles == 1);
}

TEST_CASE("without caches all comes from memory") {
  MemoryHierarchy memory(HierarchyProfile{.caches = {}, .instructions = {}, .memory_cycles = 7});
  CHECK(memory.access(0).cycles == 7);
  CHECK(memory.access(0).level == Level::Memory);
}

TEST_CASE("a level that is missing is passed over") {
  HierarchyProfile profile = two_levels();
  profile.caches[0] = {};
  MemoryHierarchy memory(profile);
  CHECK(memory.access(0).level == Level::Memory);
  CHECK(memory.access(0).level == Level::L2);
}

TEST_CASE("what is cleared comes from memory again") {
  MemoryHierarchy memory(two_levels());
  memory.access(0);
  memory.clear();
  CHECK(memory.access(0).level == Level::Memory);
}

}  // namespace axvm::sim::timing::test
