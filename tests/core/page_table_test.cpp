#include <doctest/doctest.h>
#include <rapidcheck.h>
#include <core/memory/page_table.hpp>
#include <tests/core/page_table_fixture.hpp>

using namespace axvm;
using namespace axvm::test;
using aarch64::kStage2FourLevels;
using aarch64::kStage2ThreeLevels;
using aarch64::Stage2Format;

TEST_CASE("a new table maps nothing and owns one frame") {
  FakeHal hal;
  {
    auto table = Table::try_make(hal, kStage2FourLevels);
    REQUIRE(table.has_value());
    CHECK(hal.taken.size() == 1);
    CHECK_FALSE(translate(*table, 0).has_value());
    CHECK_FALSE(translate(*table, ~0ULL).has_value());
    CHECK(table->reach() == 1ULL << 48);
  }
  CHECK(hal.balanced());
}

TEST_CASE("leaves are as large as the common alignment of both addresses allows") {
  FakeHal hal;
  FakeTlb tlb;
  for (const auto geometry : {kStage2FourLevels, kStage2ThreeLevels}) {
    auto table = Table::try_make(hal, geometry);
    REQUIRE(table.has_value());
    REQUIRE_FALSE(
        map(*table, tlb, range(k1G - k2M - kPageSize, k1G + 2 * k2M), 3 * k1G - k2M - kPageSize));
    const auto size_at = [&](std::uint64_t gpa) {
      return table->lookup(GuestPhysAddr(gpa)).range.size;
    };
    CHECK(size_at(k1G - k2M - kPageSize) == kPageSize);
    CHECK(size_at(k1G - k2M) == k2M);
    CHECK(size_at(k1G) == k1G);
    CHECK(size_at(2 * k1G) == kPageSize);  // less than 2 MiB remains
    REQUIRE_FALSE(map(*table, tlb, range(4 * k1G, k1G), 8 * k1G));
    CHECK(size_at(4 * k1G) == k1G);
    REQUIRE_FALSE(map(*table, tlb, range(6 * k1G, k2M), 8 * k1G + kPageSize));
    CHECK(size_at(6 * k1G) == kPageSize);
    CHECK(translate(*table, 6 * k1G + 0x12345) == 8 * k1G + kPageSize + 0x12345);
  }
}

TEST_CASE("attributes survive encoding and decoding") {
  for (std::uint32_t bits = 0; bits < 64; ++bits) {
    auto flags = static_cast<MappingFlags>(bits);
    if (has_all(flags, MappingFlags::Device | MappingFlags::Uncached)) continue;
    for (const unsigned height : {0U, 1U, 2U}) {
      const auto entry = Stage2Format::leaf(HostPhysAddr(k1G), flags, height);
      CHECK(Stage2Format::is_leaf(entry, height));
      CHECK((Stage2Format::flags(entry) | MappingFlags::User) == (flags | MappingFlags::User));
      CHECK(Stage2Format::address(entry) == HostPhysAddr(k1G));
    }
  }
}

TEST_CASE("malformed requests are refused and change nothing") {
  FakeHal hal;
  FakeTlb tlb;
  auto table = Table::try_make(hal, kStage2ThreeLevels);
  REQUIRE(table.has_value());
  CHECK(map(*table, tlb, range(0, 0), 0) == ErrorKind::InvalidInput);
  CHECK(map(*table, tlb, range(1, kPageSize), 0) == ErrorKind::InvalidInput);
  CHECK(map(*table, tlb, range(0, kPageSize + 1), 0) == ErrorKind::InvalidInput);
  CHECK(map(*table, tlb, range(0, kPageSize), 1) == ErrorKind::InvalidInput);
  CHECK(map(*table, tlb, range(table->reach(), kPageSize), 0) == ErrorKind::InvalidInput);
  CHECK(map(*table, tlb, range(table->reach() - kPageSize, 2 * kPageSize), 0) ==
        ErrorKind::InvalidInput);
  CHECK(map(*table, tlb, range(kPageSize, 0 - kPageSize), 0) == ErrorKind::InvalidInput);
  CHECK(map(*table, tlb, range(0, kPageSize), 1ULL << 48) == ErrorKind::InvalidInput);
  CHECK(map(*table, tlb, range(0, 2 * kPageSize), (1ULL << 48) - kPageSize) ==
        ErrorKind::InvalidInput);
  CHECK(map(*table, tlb, range(0, kPageSize), 0, MappingFlags::None) == ErrorKind::InvalidInput);
  CHECK(unmap(*table, tlb, range(table->reach(), kPageSize)) == ErrorKind::InvalidInput);
  CHECK(hal.taken.size() == 1);
}

TEST_CASE("new mappings need no invalidation, removed ones name their range") {
  FakeHal hal;
  FakeTlb tlb;
  auto table = Table::try_make(hal, kStage2FourLevels);
  auto added = table->map(range(k2M, k2M), HostPhysAddr(k2M), kReadWriteExecute);
  REQUIRE(added.has_value());
  std::move(*added).flush(tlb);
  CHECK(tlb.published == 1);
  CHECK(tlb.invalidated.empty());

  auto removed = table->unmap(range(k2M, k2M), tlb);
  REQUIRE(removed.has_value());
  CHECK(removed->stale() == range(k2M, k2M));
  std::move(*removed).flush(tlb);
  CHECK(tlb.invalidated == std::vector{range(k2M, k2M)});

  auto nothing = table->unmap(range(k2M, k2M), tlb);
  REQUIRE(nothing.has_value());
  CHECK(nothing->empty());
}

TEST_CASE("splitting a block breaks it before making the smaller leaves") {
  FakeHal hal;
  FakeTlb tlb;
  auto table = Table::try_make(hal, kStage2FourLevels);
  REQUIRE_FALSE(map(*table, tlb, range(0, k1G), k1G));
  unsigned breaks = 0;
  tlb.on_invalidate = [&](GuestPhysRange broken) {
    ++breaks;
    CHECK_FALSE(table->lookup(broken.base).leaf.has_value());
  };
  const std::uint64_t hole = 5 * k2M + 7 * kPageSize;
  REQUIRE_FALSE(unmap(*table, tlb, range(hole, kPageSize)));
  CHECK(breaks == 2);  // the block, then the page itself
  CHECK_FALSE(translate(*table, hole).has_value());
  CHECK(translate(*table, hole - 1) == k1G + hole - 1);
  CHECK(translate(*table, hole + kPageSize) == k1G + hole + kPageSize);
  CHECK(table->lookup(GuestPhysAddr(0)).range.size == k2M);
  CHECK(table->lookup(GuestPhysAddr(k1G - 1)).leaf->flags == kReadWriteExecute);
}

TEST_CASE("whenever memory runs out, what is mapped stays and no frame is lost") {
  for (std::size_t budget = 0; budget < 12; ++budget) {
    FakeHal hal;
    FakeTlb tlb;
    {
      auto table = Table::try_make(hal, kStage2FourLevels);
      REQUIRE_FALSE(map(*table, tlb, range(k1G, k1G), k1G));
      const std::size_t frames = hal.taken.size();
      hal.budget = budget;
      const auto failed = map(*table, tlb, range((512ULL << 30) - k2M - kPageSize, 2 * k2M), 0);
      const std::size_t needed = 5;  // level 1, 2 and 3 on one side; level 1 and 2 on the other
      CHECK(failed.has_value() == (budget < needed + 1));
      if (failed) {
        CHECK(*failed == ErrorKind::NoMemory);
        CHECK(hal.taken.size() == frames);
        CHECK_FALSE(translate(*table, (512ULL << 30) - kPageSize).has_value());
      }
      hal.budget = budget;
      const auto kept = unmap(*table, tlb, range(k1G + k2M + kPageSize, kPageSize));
      CHECK(kept.has_value() == (budget < 2));
      CHECK(translate(*table, k1G + k2M + 5) == k1G + k2M + 5);
      CHECK(translate(*table, k1G + k2M + kPageSize).has_value() == kept.has_value());
    }
    CHECK(hal.balanced());
  }
}

TEST_CASE("a table agrees with a map of pages under any sequence of changes") {
  CHECK(rc::check("random map and unmap", [] {
    FakeHal hal(2048);
    FakeTlb tlb;
    const auto geometry = *rc::gen::element(kStage2ThreeLevels, kStage2FourLevels);
    {
      auto table = Table::try_make(hal, geometry);
      std::map<std::uint64_t, std::uint64_t> model;  // page -> host page
      const std::uint64_t window = 4 * 512;          // pages, around a 1 GiB boundary
      const std::uint64_t first = (k1G >> kPageShift) - window / 2;
      const auto steps = *rc::gen::inRange(1, 12);
      for (int step = 0; step < steps; ++step) {
        const std::uint64_t unit = *rc::gen::element<std::uint64_t>(1, 512);
        const std::uint64_t at = first + *rc::gen::inRange<std::uint64_t>(0, window / unit) * unit;
        const std::uint64_t n =
            std::min(*rc::gen::inRange<std::uint64_t>(1, 3) * unit, first + window - at);
        const GuestPhysRange r = range(at << kPageShift, n << kPageShift);
        if (*rc::gen::arbitrary<bool>()) {
          const std::uint64_t to = at + *rc::gen::element<std::uint64_t>(0, 512, 3);
          bool free = true;
          for (std::uint64_t i = 0; i < n; ++i) free = free && !model.contains(at + i);
          const auto failed = map(*table, tlb, r, to << kPageShift);
          RC_ASSERT(failed.has_value() == !free);
          if (!failed) {
            for (std::uint64_t i = 0; i < n; ++i) model[at + i] = to + i;
          }
        } else {
          RC_ASSERT(!unmap(*table, tlb, r).has_value());
          for (std::uint64_t i = 0; i < n; ++i) model.erase(at + i);
        }
      }
      for (std::uint64_t page = first; page < first + window; ++page) {
        const auto found = translate(*table, page << kPageShift);
        const auto expected = model.find(page);
        RC_ASSERT(found.has_value() == (expected != model.end()));
        if (found) RC_ASSERT(*found == expected->second << kPageShift);
      }
    }
    RC_ASSERT(hal.balanced());
  }));
}

TEST_CASE("control registers follow the geometry") {
  using namespace aarch64;
  CHECK(stage2_geometry(0x1124) == Stage2Geometry{4, 44});
  CHECK(stage2_geometry(0x1125) == kStage2FourLevels);
  CHECK(stage2_geometry(0x1126) == kStage2FourLevels);
  CHECK(stage2_geometry(0x1122) == Stage2Geometry{3, 40});
  CHECK(stage2_geometry(0x1123) == Stage2Geometry{3, 42});
  CHECK(stage2_geometry(0x1120) == Stage2Geometry{3, 32});
  CHECK(vtcr_el2(stage2_geometry(0x1124), 44) == 0x8004'3594);
  CHECK(vttbr_el2(HostPhysAddr(0x4000'1000), Vmid(7)) == 0x0007'0000'4000'1000);
}
