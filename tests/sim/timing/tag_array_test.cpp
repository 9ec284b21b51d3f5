#include <doctest/doctest.h>

#include <algorithm>
#include <set>
#include <sim/timing/tag_array.hpp>
#include <vector>

namespace axvm::sim::timing::test {
namespace {

constexpr std::uint32_t kNone = TagArray::kNone;

// Inserts the keys into one set of four; the key that left when one more comes.
std::uint64_t evicted_after(Replacement replacement, const std::vector<std::uint64_t>& used) {
  TagArray tags({.entries = 4, .ways = 4, .replacement = replacement});
  for (std::uint64_t key = 0; key < 4; ++key) tags.insert(key, 0);
  for (const std::uint64_t key : used) CHECK(tags.find(key, 0) != kNone);
  tags.insert(4, 0);
  for (std::uint64_t key = 0; key < 4; ++key) {
    if (tags.find(key, 0) == kNone) return key;
  }
  return TagArray::kEmpty;
}

}  // namespace

TEST_CASE("a key is found after it came and not before") {
  TagArray tags({.entries = 8, .ways = 2});
  CHECK(tags.find(5, 5) == kNone);
  const std::uint32_t slot = tags.insert(5, 5);
  CHECK(tags.find(5, 5) == slot);
  CHECK(tags.key(slot) == 5);
  tags.remove(slot);
  CHECK(tags.find(5, 5) == kNone);
}

TEST_CASE("the index chooses the set: keys of other sets do not compete") {
  TagArray tags({.entries = 8, .ways = 2});  // four sets
  for (std::uint64_t key = 0; key < 4; ++key) tags.insert(key, key);
  tags.insert(4, 4);
  CHECK(tags.find(0, 0) != kNone);  // the second way of set 0 was free
  tags.insert(8, 8);
  CHECK(tags.find(0, 0) != kNone);  // used since then
  CHECK(tags.find(4, 4) == kNone);
  for (std::uint64_t key = 1; key < 4; ++key) CHECK(tags.find(key, key) != kNone);
}

TEST_CASE("LRU replaces what was not used for longest, not what was used last") {
  CHECK(evicted_after(Replacement::Lru, {}) == 0);
  CHECK(evicted_after(Replacement::Lru, {0}) == 1);
  CHECK(evicted_after(Replacement::Lru, {0, 1, 2}) == 3);
  CHECK(evicted_after(Replacement::Lru, {3, 2, 1, 0}) == 3);
  CHECK(evicted_after(Replacement::Lru, {0, 0, 0, 1}) == 2);
}

TEST_CASE("tree PLRU leaves the half used last, and in the other half the way used last") {
  CHECK(evicted_after(Replacement::TreePlru, {}) == 0);
  CHECK(evicted_after(Replacement::TreePlru, {0}) == 2);
  CHECK(evicted_after(Replacement::TreePlru, {0, 2}) == 1);
  CHECK(evicted_after(Replacement::TreePlru, {2, 0}) == 3);
}

TEST_CASE("random replacement is the same in every run, and takes every way") {
  const auto slots = [](std::uint64_t seed) {
    TagArray tags({.entries = 4, .ways = 4, .replacement = Replacement::Random}, seed);
    std::vector<std::uint32_t> taken;
    taken.reserve(64);
    for (std::uint64_t key = 0; key < 64; ++key) taken.push_back(tags.insert(key, 0));
    return taken;
  };
  CHECK(slots(1) == slots(1));
  CHECK(slots(1) != slots(2));
  const auto taken = slots(1);
  CHECK(std::set(taken.begin() + 4, taken.end()).size() == 4);
}

TEST_CASE("shapes without whole sets are refused") {
  CHECK(CacheShape{.entries = 64, .ways = 4}.is_valid());
  CHECK(CacheShape{.entries = 1280, .ways = 5}.is_valid());
  CHECK(CacheShape{.entries = 10, .ways = 10}.is_valid());
  CHECK_FALSE(CacheShape{.entries = 0, .ways = 1}.is_valid());
  CHECK_FALSE(CacheShape{.entries = 4, .ways = 8}.is_valid());
  CHECK_FALSE(CacheShape{.entries = 12, .ways = 4}.is_valid());  // three sets
  CHECK_FALSE(CacheShape{.entries = 6, .ways = 3, .replacement = Replacement::TreePlru}.is_valid());
}

TEST_CASE("few ways and many do what a list of keys by age does") {
  for (const CacheShape shape :
       {CacheShape{.entries = 8, .ways = 4}, CacheShape{.entries = 48, .ways = 3},
        CacheShape{.entries = 32, .ways = 16}, CacheShape{.entries = 96, .ways = 48},
        CacheShape{.entries = 20, .ways = 20}}) {
    CAPTURE(shape.entries);
    CAPTURE(shape.ways);
    TagArray tags(shape);
    const std::uint64_t sets = shape.entries / shape.ways;
    std::vector<std::vector<std::uint64_t>> model(sets);  // the oldest first
    std::uint64_t state = 1;
    const auto random = [&state](std::uint64_t limit) {
      state = state * 6364136223846793005 + 1442695040888963407;
      return (state >> 33) % limit;
    };
    for (int step = 0; step < 20000; ++step) {
      const std::uint64_t key = random(shape.entries * 2);
      std::vector<std::uint64_t>& ages = model[key % sets];
      const auto known = std::ranges::find(ages, key);
      const std::uint32_t slot = tags.find(key, key);
      REQUIRE((slot != kNone) == (known != ages.end()));
      if (known != ages.end()) ages.erase(known);
      if (slot != kNone && random(8) == 0) {
        tags.remove(slot);
        continue;
      }
      if (slot == kNone) {
        tags.insert(key, key);
        if (ages.size() == shape.ways) ages.erase(ages.begin());
      }
      ages.push_back(key);
    }
  }
}

TEST_CASE("what is cleared is empty") {
  TagArray tags({.entries = 4, .ways = 4});
  for (std::uint64_t key = 0; key < 4; ++key) tags.insert(key, 0);
  tags.clear();
  for (std::uint64_t key = 0; key < 4; ++key) CHECK(tags.find(key, 0) == kNone);
}

}  // namespace axvm::sim::timing::test
