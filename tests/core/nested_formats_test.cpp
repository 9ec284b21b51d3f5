// The core's other stage-2 formats: what entries say, and that the one PageTable works with them.

#include <doctest/doctest.h>

#include <core/arch/aarch64/stage2_granule_formats.hpp>
#include <core/arch/aarch64/stage2_lpa2_format.hpp>
#include <core/arch/riscv64/g_stage_format.hpp>
#include <core/arch/x86_64/nested_format.hpp>
#include <core/memory/page_table.hpp>
#include <string>

#include "fake_hal.hpp"
#include "page_table_fixture.hpp"

namespace axvm::test {
namespace {

using aarch64::Stage2Format16K;
using aarch64::Stage2Format64K;
using aarch64::Stage2Lpa2Format;
using aarch64::Stage2Lpa2Format16K;
using aarch64::Stage2LpaFormat;
using riscv64::GStageFormat;
using x86_64::EptFormat;
using x86_64::NptFormat;

#define ALL_FORMATS                                                                         \
  Stage2Format16K, Stage2Format64K, Stage2LpaFormat, Stage2Lpa2Format, Stage2Lpa2Format16K, \
      GStageFormat, EptFormat, NptFormat

template <class Format>
constexpr PageTableGeometry kDeepest{.levels = Format::kMaxLevels,
                                     .input_bits = Format::kMaxInputBits};
// The leaves above pages, and the largest ones that every format has room for many of.
template <class Format>
constexpr std::uint64_t kBlock = PageTableShape<Format>::entry_size(1);
template <class Format>
constexpr std::uint64_t kLarge =
    PageTableShape<Format>::entry_size(Format::kMaxLeafHeight < 2 ? Format::kMaxLeafHeight : 2);

// What a leaf that was asked for `flags` permits, by the format's documentation.
template <class Format>
MappingFlags remembered(MappingFlags flags) {
  const bool device = has_any(flags, MappingFlags::Device);
  flags = flags & ~MappingFlags::User;
  if (device) flags = flags & ~MappingFlags::Uncached;
  constexpr bool kWriteImpliesRead =
      std::is_same_v<Format, EptFormat> || std::is_same_v<Format, GStageFormat>;
  if (kWriteImpliesRead && has_any(flags, MappingFlags::Write)) {
    flags = flags | MappingFlags::Read;
  }
  if (std::is_same_v<Format, NptFormat>) flags = flags | MappingFlags::Read;
  return flags;
}

}  // namespace

TEST_CASE_TEMPLATE("a leaf says what it was made of", Format, ALL_FORMATS) {
  for (unsigned height = 0; height <= Format::kMaxLeafHeight; ++height) {
    const HostPhysAddr to(Format::kOutputLimit - PageTableShape<Format>::entry_size(height));
    for (std::uint32_t bits = 0; bits <= kAllMappingFlags; ++bits) {
      const auto flags = static_cast<MappingFlags>(bits);
      if (!has_any(flags, kReadWriteExecute)) continue;
      const std::uint64_t leaf = Format::leaf(to, flags, height);
      REQUIRE(Format::is_valid(leaf));
      REQUIRE(Format::is_leaf(leaf, height));
      REQUIRE_FALSE(Format::is_table(leaf, height));
      REQUIRE(Format::address(leaf) == to);
      REQUIRE(Format::flags(leaf) == remembered<Format>(flags));
      // Broken, it maps nothing, keeps its address, and is not taken for nothing.
      const std::uint64_t broken = Format::broken(Format::leaf(HostPhysAddr(0), flags, height));
      REQUIRE_FALSE(Format::is_valid(broken));
      REQUIRE(broken != Format::kInvalid);
      REQUIRE(Format::address(Format::broken(leaf)) == to);
    }
  }
}

TEST_CASE_TEMPLATE("a table entry leads to its table, and counts as far as it has entries", Format,
                   ALL_FORMATS) {
  constexpr unsigned kEntries = PageTableShape<Format>::kEntries;
  const HostPhysAddr next(Format::kOutputLimit - PageTableShape<Format>::kTableSize);
  for (unsigned n = 0; n <= kEntries; ++n) {
    const std::uint64_t entry = Format::table(next, n);
    REQUIRE(Format::is_table(entry, 1));
    REQUIRE(Format::address(entry) == next);
    if constexpr (CountsInEntries<Format>) {
      REQUIRE(Format::live(entry) == n);
      if (n < kEntries) REQUIRE(Format::recounted(entry, 1) == Format::table(next, n + 1));
      REQUIRE(Format::recounted(entry, -static_cast<int>(n)) == Format::table(next, 0));
    }
  }
  // The link of a list of frames is no entry.
  CHECK_FALSE(Format::is_valid(next.value | 0xf00));
}

TEST_CASE_TEMPLATE("the deepest table maps, protects and unmaps, and gives every table back",
                   Format, ALL_FORMATS) {
  constexpr std::uint64_t kPage = PageTableShape<Format>::kGranule;
  constexpr std::uint64_t kSize = kLarge<Format>;
  FakeHal hal;
  FakeTlb tlb;
  {
    auto table = PageTable<Format, FakeHal>::try_make(hal, kDeepest<Format>);
    REQUIRE(table.has_value());
    const std::size_t root = hal.taken.size();
    const std::uint64_t top = table->reach();
    const GuestPhysRange blocks = range(top / 2, 2 * kSize);
    const GuestPhysRange pages = range(top - 8 * kPage, 8 * kPage);
    CHECK_FALSE(flushed(table->map(blocks, HostPhysAddr(kSize), kReadWrite), tlb));
    CHECK_FALSE(flushed(table->map(pages, HostPhysAddr(kPage), kReadWriteExecute), tlb));
    CHECK(table->query(blocks.base + kSize + 5)->hpa == HostPhysAddr(2 * kSize + 5));
    CHECK(table->query(blocks.base)->page_size == kSize);
    CHECK(table->query(pages.base + 3 * kPage)->hpa == HostPhysAddr(4 * kPage));
    CHECK(table->query(pages.base)->page_size == kPage);

    CHECK_FALSE(flushed(table->protect(blocks, MappingFlags::Read, tlb), tlb));
    CHECK(table->query(blocks.base)->flags == MappingFlags::Read);
    // A hole in a block leaves the rest of it mapped, by smaller leaves.
    CHECK_FALSE(flushed(table->unmap(range(blocks.base.value, kPage), tlb), tlb));
    CHECK_FALSE(table->query(blocks.base).has_value());
    CHECK(table->query(blocks.base + kPage)->hpa == HostPhysAddr(kSize + kPage));

    CHECK_FALSE(flushed(table->unmap(blocks, tlb), tlb));
    // Page by page: the last one takes the tables with it.
    for (std::uint64_t at = 0; at < pages.size; at += kPage) {
      CHECK(hal.taken.size() > root);
      CHECK_FALSE(flushed(table->unmap({pages.base + at, kPage}, tlb), tlb));
    }
    CHECK(hal.taken.size() == root);
  }
  CHECK(hal.taken.empty());
}

TEST_CASE_TEMPLATE("addresses at the end of what entries hold survive changes", Format,
                   ALL_FORMATS) {
  constexpr std::uint64_t kSize = kBlock<Format>;
  constexpr std::uint64_t kPage = PageTableShape<Format>::kGranule;
  FakeHal hal;
  FakeTlb tlb;
  auto table = PageTable<Format, FakeHal>::try_make(hal, kDeepest<Format>);
  REQUIRE(table.has_value());
  // The latter run across the bit from which on some formats keep addresses elsewhere.
  const std::uint64_t last = Format::kOutputLimit - 4 * kSize;
  const std::uint64_t across =
      (Format::kOutputLimit > 1ULL << 50 ? 1ULL << 50 : 1ULL << 47) - 2 * kSize;
  const std::uint64_t across48 =
      (Format::kOutputLimit > 1ULL << 48 ? 1ULL << 48 : 1ULL << 46) - 2 * kSize;
  for (const std::uint64_t hpa : {last, across, across48}) {
    CAPTURE(hpa);
    const GuestPhysRange blocks = range(4 * kSize, 4 * kSize);
    CHECK_FALSE(flushed(table->map(blocks, HostPhysAddr(hpa), kReadWriteExecute), tlb));
    const auto check = [&](MappingFlags flags, std::uint64_t page_size) {
      for (std::uint64_t at = 0; at < blocks.size; at += kSize) {
        const auto found = table->query(blocks.base + at);
        REQUIRE(found.has_value());
        CHECK(found->hpa == HostPhysAddr(hpa + at));
        CHECK(found->flags == flags);
        CHECK(found->page_size == page_size);
      }
    };
    check(kReadWriteExecute, kSize);
    tlb.invalidated.clear();
    CHECK_FALSE(flushed(table->protect(blocks, MappingFlags::Read, tlb), tlb));
    check(MappingFlags::Read, kSize);
    CHECK(tlb.invalidated == std::vector{blocks});  // in place: nothing was broken before
    CHECK(table->split_to_pages(blocks, tlb).has_value());
    check(MappingFlags::Read, kPage);
    CHECK(table->merge(range(0, PageTableShape<Format>::entry_size(2)), tlb).has_value());
    check(MappingFlags::Read, kSize);
    CHECK_FALSE(flushed(table->unmap(blocks, tlb), tlb));
  }
}

TEST_CASE("tables of two sizes are had all or not at all") {
  FakeHal hal;
  FakeTlb tlb;
  auto table = PageTable<GStageFormat, FakeHal>::try_make(hal, riscv64::kSv48x4);
  REQUIRE(table.has_value());
  const std::size_t root = hal.taken.size();
  // Two tables of the last level and, above them, three of twice the size.
  const GuestPhysRange pages = range(k1G - kPageSize, 2 * kPageSize);
  for (std::size_t budget = 0; budget < 5; ++budget) {
    CAPTURE(budget);
    hal.budget = budget;
    CHECK(flushed(table->map(pages, HostPhysAddr(kPageSize), kReadWrite), tlb) ==
          ErrorKind::NoMemory);
    CHECK(hal.taken.size() == root);
    CHECK_FALSE(table->query(pages.base).has_value());
  }
  hal.budget = 5;
  CHECK_FALSE(flushed(table->map(pages, HostPhysAddr(kPageSize), kReadWrite), tlb));
  CHECK(hal.taken.size() == root + 2 + 2 * 3);
  hal.budget.reset();
  CHECK_FALSE(flushed(table->unmap(pages, tlb), tlb));
  CHECK(hal.taken.size() == root);
}

TEST_CASE("a table of two levels with sixteen roots is one table, not sixteen") {
  FakeHal hal;
  FakeTlb tlb;
  auto table = PageTable<Stage2Format16K, FakeHal>::try_make(hal, {.levels = 2, .input_bits = 40});
  REQUIRE(table.has_value());
  constexpr std::uint64_t kPage = 16 << 10;
  constexpr std::uint64_t kOneRoot = 1ULL << 36;
  for (std::uint64_t n = 0; n < 16; ++n) {
    const GuestPhysRange page = range(n * kOneRoot, kPage);
    CHECK_FALSE(flushed(table->map(page, HostPhysAddr((n + 1) * kPage), kReadWrite), tlb));
  }
  for (std::uint64_t n = 0; n < 16; ++n) {
    const GuestPhysAddr at(n * kOneRoot);
    CHECK(table->query(at)->hpa == HostPhysAddr((n + 1) * kPage));
    CHECK_FALSE(table->query(at + kPage).has_value());
    CHECK_FALSE(flushed(table->map({at + kPage, kPage}, HostPhysAddr(kPage), kReadWrite), tlb));
    CHECK_FALSE(flushed(table->unmap({at + kPage, kPage}, tlb), tlb));
  }
}

}  // namespace axvm::test
