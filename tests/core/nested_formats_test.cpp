// The core's other stage-2 formats: what entries say, and that the one PageTable works with them.

#include <doctest/doctest.h>

#include <core/arch/aarch64/stage2_lpa2_format.hpp>
#include <core/arch/x86_64/nested_format.hpp>
#include <core/memory/page_table.hpp>
#include <string>

#include "fake_hal.hpp"
#include "page_table_fixture.hpp"

namespace axvm::test {
namespace {

using aarch64::kStage2FiveLevels;
using aarch64::Stage2Lpa2Format;
using x86_64::EptFormat;
using x86_64::NptFormat;

// What a leaf that was asked for `flags` permits, by the format's documentation.
template <class Format>
MappingFlags remembered(MappingFlags flags) {
  const bool device = has_any(flags, MappingFlags::Device);
  flags = flags & ~MappingFlags::User;
  if (device) flags = flags & ~MappingFlags::Uncached;
  if (std::is_same_v<Format, EptFormat> && has_any(flags, MappingFlags::Write)) {
    flags = flags | MappingFlags::Read;
  }
  if (std::is_same_v<Format, NptFormat>) flags = flags | MappingFlags::Read;
  return flags;
}

}  // namespace

TEST_CASE_TEMPLATE("a leaf says what it was made of", Format, Stage2Lpa2Format, EptFormat,
                   NptFormat) {
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

TEST_CASE_TEMPLATE("a table entry counts from 0 to 512 and leads to its table", Format,
                   Stage2Lpa2Format, EptFormat, NptFormat) {
  const HostPhysAddr next(Format::kOutputLimit - kPageSize);
  for (unsigned n = 0; n <= 512; ++n) {
    const std::uint64_t entry = Format::table(next, n);
    REQUIRE(Format::is_table(entry, 1));
    REQUIRE(Format::live(entry) == n);
    REQUIRE(Format::address(entry) == next);
    if (n < 512) REQUIRE(Format::recounted(entry, 1) == Format::table(next, n + 1));
    REQUIRE(Format::recounted(entry, -static_cast<int>(n)) == Format::table(next, 0));
  }
  // The link of a list of frames is no entry.
  CHECK_FALSE(Format::is_valid(next.value));
}

TEST_CASE_TEMPLATE("five levels map, protect and unmap, and give every table back", Format,
                   Stage2Lpa2Format, EptFormat, NptFormat) {
  FakeHal hal;
  FakeTlb tlb;
  {
    const PageTableGeometry geometry{.levels = 5, .input_bits = Format::kMaxInputBits};
    auto table = PageTable<Format, FakeHal>::try_make(hal, geometry);
    REQUIRE(table.has_value());
    const std::uint64_t top = table->reach();
    const GuestPhysRange blocks = range(top / 2, 2 * k1G);
    const GuestPhysRange pages = range(top - 8 * kPageSize, 8 * kPageSize);
    CHECK_FALSE(flushed(table->map(blocks, HostPhysAddr(k1G), kReadWrite), tlb));
    CHECK_FALSE(flushed(table->map(pages, HostPhysAddr(kPageSize), kReadWriteExecute), tlb));
    CHECK(table->query(blocks.base + k1G + 5)->hpa == HostPhysAddr(2 * k1G + 5));
    CHECK(table->query(blocks.base)->page_size == k1G);
    CHECK(table->query(pages.base + 3 * kPageSize)->hpa == HostPhysAddr(4 * kPageSize));
    CHECK(table->query(pages.base)->page_size == kPageSize);

    CHECK_FALSE(flushed(table->protect(blocks, MappingFlags::Read, tlb), tlb));
    CHECK(table->query(blocks.base)->flags == MappingFlags::Read);
    // A hole in a block leaves the rest of it mapped, by smaller leaves.
    CHECK_FALSE(flushed(table->unmap(range(blocks.base.value, kPageSize), tlb), tlb));
    CHECK_FALSE(table->query(blocks.base).has_value());
    CHECK(table->query(blocks.base + kPageSize)->hpa == HostPhysAddr(k1G + kPageSize));

    CHECK_FALSE(flushed(table->unmap(blocks, tlb), tlb));
    CHECK_FALSE(flushed(table->unmap(pages, tlb), tlb));
    CHECK(hal.taken.size() == 1);  // the root
  }
  CHECK(hal.taken.empty());
}

TEST_CASE_TEMPLATE(
    "addresses at the end of what entries hold survive changes, and runs across 2^50", Format,
    Stage2Lpa2Format, EptFormat, NptFormat) {
  FakeHal hal;
  FakeTlb tlb;
  auto table =
      PageTable<Format, FakeHal>::try_make(hal, {.levels = 5, .input_bits = Format::kMaxInputBits});
  REQUIRE(table.has_value());
  const std::uint64_t last = Format::kOutputLimit - 4 * k2M;
  const std::uint64_t across = (1ULL << 50) - 2 * k2M;
  for (const std::uint64_t hpa : {last, across}) {
    CAPTURE(hpa);
    const GuestPhysRange blocks = range(k1G, 4 * k2M);
    CHECK_FALSE(flushed(table->map(blocks, HostPhysAddr(hpa), kReadWriteExecute), tlb));
    const auto check = [&](MappingFlags flags, std::uint64_t page_size) {
      for (std::uint64_t at = 0; at < blocks.size; at += k2M) {
        const auto found = table->query(blocks.base + at);
        REQUIRE(found.has_value());
        CHECK(found->hpa == HostPhysAddr(hpa + at));
        CHECK(found->flags == flags);
        CHECK(found->page_size == page_size);
      }
    };
    check(kReadWriteExecute, k2M);
    tlb.invalidated.clear();
    CHECK_FALSE(flushed(table->protect(blocks, MappingFlags::Read, tlb), tlb));
    check(MappingFlags::Read, k2M);
    CHECK(tlb.invalidated == std::vector{blocks});  // in place: nothing was broken before
    CHECK(table->split_to_pages(blocks, tlb).has_value());
    check(MappingFlags::Read, kPageSize);
    CHECK(table->merge(range(0, k512G), tlb).has_value());
    check(MappingFlags::Read, k2M);
    CHECK_FALSE(flushed(table->unmap(blocks, tlb), tlb));
  }
}

}  // namespace axvm::test
