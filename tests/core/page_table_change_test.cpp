#include <doctest/doctest.h>
#include <core/memory/page_table.hpp>
#include <tests/core/page_table_fixture.hpp>
#include <vector>

using namespace axvm;
using namespace axvm::test;
using aarch64::kStage2FourLevels;
using aarch64::Stage2Format;

namespace {

constexpr auto kDevice = kReadWrite | MappingFlags::Device;
constexpr auto kUncached = kReadWrite | MappingFlags::Uncached;

/// A table, and the frames that belong to it.
struct Fixture {
  FakeHal hal;
  FakeTlb tlb;
  Table table = *Table::try_make(hal, kStage2FourLevels);

  [[nodiscard]] std::size_t frames() const { return hal.taken.size(); }
  [[nodiscard]] std::uint64_t size_at(std::uint64_t gpa) const {
    return table.lookup(GuestPhysAddr(gpa)).range.size;
  }
  [[nodiscard]] MappingFlags flags_at(std::uint64_t gpa) const {
    const auto found = table.query(GuestPhysAddr(gpa));
    return found ? found->flags : MappingFlags::None;
  }
};

}  // namespace

TEST_CASE("protect gives flags to what is mapped and leaves holes alone") {
  Fixture f;
  REQUIRE_FALSE(map(f.table, f.tlb, range(0, 2 * kPageSize), 0));
  REQUIRE_FALSE(map(f.table, f.tlb, range(4 * kPageSize, kPageSize), k1G));
  REQUIRE_FALSE(protect(f.table, f.tlb, range(kPageSize, 4 * kPageSize), MappingFlags::Read));
  CHECK(f.flags_at(0) == kReadWriteExecute);
  CHECK(f.flags_at(kPageSize) == MappingFlags::Read);
  CHECK_FALSE(translate(f.table, 2 * kPageSize));
  CHECK(f.flags_at(4 * kPageSize) == MappingFlags::Read);
  CHECK(translate(f.table, 4 * kPageSize) == k1G);
  CHECK(f.tlb.invalidated == std::vector{range(kPageSize, 4 * kPageSize)});
}

TEST_CASE("protecting part of a block splits it, and the rest keeps its flags") {
  Fixture f;
  REQUIRE_FALSE(map(f.table, f.tlb, range(k1G, k1G), 2 * k1G));
  REQUIRE_FALSE(protect(f.table, f.tlb, range(k1G + k2M, k2M + kPageSize), MappingFlags::Read));
  CHECK(f.flags_at(k1G + k2M - 1) == kReadWriteExecute);
  CHECK(f.size_at(k1G + k2M) == k2M);
  CHECK(f.flags_at(k1G + k2M) == MappingFlags::Read);
  CHECK(f.flags_at(k1G + 2 * k2M) == MappingFlags::Read);
  CHECK(f.flags_at(k1G + 2 * k2M + kPageSize) == kReadWriteExecute);
  CHECK(translate(f.table, k1G + 2 * k2M + 3 * kPageSize) == 2 * k1G + 2 * k2M + 3 * kPageSize);
}

TEST_CASE("protect with the flags that are there already makes nothing stale") {
  Fixture f;
  REQUIRE_FALSE(map(f.table, f.tlb, range(0, k2M), 0));
  auto changed = f.table.protect(range(0, k2M), kReadWriteExecute, f.tlb);
  REQUIRE(changed.has_value());
  CHECK(changed->empty());
}

TEST_CASE("a leaf that changes its memory type is invalid while CPUs forget the old one") {
  Fixture f;
  REQUIRE_FALSE(map(f.table, f.tlb, range(0, k2M + 2 * kPageSize), 0));
  unsigned broken = 0;
  f.tlb.on_invalidate = [&](GuestPhysRange stale) {
    ++broken;
    CHECK(stale == range(0, k2M + kPageSize));
    CHECK_FALSE(translate(f.table, 0));
    CHECK_FALSE(translate(f.table, k2M));
    CHECK(translate(f.table, k2M + kPageSize) == k2M + kPageSize);
  };
  REQUIRE_FALSE(protect(f.table, f.tlb, range(0, k2M + kPageSize), kUncached));
  CHECK(broken == 1);
  CHECK(f.flags_at(5) == kUncached);
  CHECK(f.size_at(5) == k2M);
  CHECK(f.flags_at(k2M) == kUncached);
}

TEST_CASE("remap replaces what is there, holes and tables and blocks alike") {
  Fixture f;
  const std::size_t empty = f.frames();
  REQUIRE_FALSE(map(f.table, f.tlb, range(0, k2M), 0));
  REQUIRE_FALSE(map(f.table, f.tlb, range(k2M, 3 * kPageSize), k1G));
  REQUIRE_FALSE(remap(f.table, f.tlb, range(0, 3 * k2M), 8 * k2M, kReadWrite));
  for (const std::uint64_t gpa : {std::uint64_t{0}, k2M, 2 * k2M, 3 * k2M - 1}) {
    CHECK(translate(f.table, gpa) == 8 * k2M + gpa);
    CHECK(f.flags_at(gpa) == kReadWrite);
    CHECK(f.size_at(gpa) == k2M);
  }
  CHECK(f.frames() == empty + 2);  // the table of pages is gone
  // One page inside a block.
  REQUIRE_FALSE(remap(f.table, f.tlb, range(k2M + kPageSize, kPageSize), k1G, kReadWrite));
  CHECK(translate(f.table, k2M + kPageSize) == k1G);
  CHECK(translate(f.table, k2M) == 9 * k2M);
  CHECK(translate(f.table, k2M + 2 * kPageSize) == 9 * k2M + 2 * kPageSize);
  CHECK(f.frames() == empty + 3);
}

TEST_CASE("remap waits for the invalidation before the new mapping appears") {
  Fixture f;
  REQUIRE_FALSE(map(f.table, f.tlb, range(0, 2 * kPageSize), 0));
  f.tlb.on_invalidate = [&](GuestPhysRange stale) {
    CHECK(stale == range(0, kPageSize));
    CHECK_FALSE(translate(f.table, 0));
  };
  REQUIRE_FALSE(remap(f.table, f.tlb, range(0, kPageSize), k1G));
  CHECK(f.tlb.invalidated.size() == 1);
  CHECK(translate(f.table, 0) == k1G);
}

TEST_CASE("merge makes the largest blocks that map the same") {
  Fixture f;
  const std::size_t empty = f.frames();
  REQUIRE_FALSE(map(f.table, f.tlb, range(k1G, k1G), 3 * k1G));
  REQUIRE(f.table.split_to_pages(range(k1G + k2M, 2 * k2M), f.tlb).has_value());
  CHECK(f.size_at(k1G) == k2M);
  CHECK(f.size_at(k1G + k2M) == kPageSize);
  CHECK(f.size_at(k1G + 3 * k2M - 1) == kPageSize);
  CHECK(f.size_at(k1G + 3 * k2M) == k2M);
  CHECK(f.frames() == empty + 4);

  SUBCASE("all of it") {
    REQUIRE(f.table.merge(range(k1G, k1G), f.tlb).has_value());
    CHECK(f.size_at(k1G) == k1G);
    CHECK(f.frames() == empty + 1);
  }
  SUBCASE("not what reaches out of the range") {
    REQUIRE(f.table.merge(range(k1G + k2M, 2 * k2M - kPageSize), f.tlb).has_value());
    CHECK(f.size_at(k1G + k2M) == k2M);
    CHECK(f.size_at(k1G + 2 * k2M) == kPageSize);
  }
  SUBCASE("not what differs in flags, address or presence") {
    REQUIRE_FALSE(protect(f.table, f.tlb, range(k1G + k2M, kPageSize), MappingFlags::Read));
    REQUIRE_FALSE(unmap(f.table, f.tlb, range(k1G + 3 * k2M - kPageSize, kPageSize)));
    REQUIRE(f.table.merge(range(k1G, k1G), f.tlb).has_value());
    CHECK(f.size_at(k1G + k2M) == kPageSize);
    CHECK(f.size_at(k1G + 2 * k2M) == kPageSize);
    REQUIRE_FALSE(map(f.table, f.tlb, range(k1G + 3 * k2M - kPageSize, kPageSize), 0));
    REQUIRE(f.table.merge(range(k1G, k1G), f.tlb).has_value());
    CHECK(f.size_at(k1G + 2 * k2M) == kPageSize);
  }
  for (std::uint64_t gpa = k1G; gpa < k1G + 3 * k2M - kPageSize; gpa += kPageSize) {
    CHECK(translate(f.table, gpa) == gpa + 2 * k1G);
  }
}

TEST_CASE("a table whose last entry goes is given back once CPUs have forgotten it") {
  Fixture f;
  const std::size_t empty = f.frames();
  REQUIRE_FALSE(map(f.table, f.tlb, range(0, 2 * kPageSize), 0));
  CHECK(f.frames() == empty + 3);
  REQUIRE_FALSE(unmap(f.table, f.tlb, range(0, kPageSize)));
  CHECK(f.frames() == empty + 3);
  auto last = f.table.unmap(range(kPageSize, kPageSize), f.tlb);
  REQUIRE(last.has_value());
  CHECK(last->stale() == range(kPageSize, kPageSize));
  f.tlb.on_invalidate = [&](GuestPhysRange) { CHECK(f.frames() == empty + 3); };
  std::move(*last).flush(f.tlb);
  CHECK(f.frames() == empty);
}

TEST_CASE("unmapping everything leaves the root alone, however it was mapped") {
  Fixture f;
  const std::size_t empty = f.frames();
  for (std::uint64_t at = 0; at < 40; ++at) {
    const std::uint64_t gpa = at * 7 * k2M + (at % 5) * kPageSize;
    REQUIRE_FALSE(map(f.table, f.tlb, range(gpa, kPageSize + at % 3 * k2M), at * kPageSize));
  }
  CHECK(f.frames() > empty);
  REQUIRE_FALSE(unmap(f.table, f.tlb, range(0, k512G)));
  CHECK(f.frames() == empty);
  REQUIRE_FALSE(map(f.table, f.tlb, range(0, kPageSize), 0));
  CHECK(translate(f.table, 0) == 0);
}

namespace {
/// Counts how many entries are read.
struct CountedEntries : AtomicEntries {
  static inline std::size_t loads = 0;
  static std::uint64_t load(std::uint64_t& entry) {
    ++loads;
    return AtomicEntries::load(entry);
  }
};
}  // namespace

TEST_CASE("an empty table is noticed without looking through it") {
  FakeHal hal;
  FakeTlb tlb;
  auto table = *PageTable<Stage2Format, FakeHal, CountedEntries>::try_make(hal, kStage2FourLevels);
  const std::size_t empty = hal.taken.size();
  REQUIRE_FALSE(flushed(table.map(range(0, kPageSize), HostPhysAddr(0), kReadWrite), tlb));
  CountedEntries::loads = 0;
  REQUIRE_FALSE(flushed(table.unmap(range(0, kPageSize), tlb), tlb));
  CHECK(CountedEntries::loads < 24);
  CHECK(hal.taken.size() == empty);
}

TEST_CASE("an invalidation names what was mapped, not what was asked for") {
  Fixture f;
  REQUIRE_FALSE(map(f.table, f.tlb, range(8 * kPageSize, 2 * kPageSize), 0));
  auto changed = f.table.unmap(range(0, 64 * kPageSize), f.tlb);
  REQUIRE(changed.has_value());
  CHECK(changed->stale() == range(8 * kPageSize, 2 * kPageSize));
  std::move(*changed).flush(f.tlb);
}

TEST_CASE("a walk shows leaves and holes in order, and stops when told") {
  Fixture f;
  REQUIRE_FALSE(map(f.table, f.tlb, range(k1G - kPageSize, k2M + kPageSize), k1G - kPageSize));
  std::vector<GuestPhysRange> leaves;
  std::uint64_t at = 0;
  CHECK(f.table.walk(range(0, 4 * k1G), [&](const Table::Slot& slot) {
    CHECK(slot.range.base.value == at);
    at = slot.range.end().value;
    if (slot.leaf) leaves.push_back(slot.range);
    return true;
  }));
  CHECK(at == 4 * k1G);
  CHECK(leaves == std::vector{range(k1G - kPageSize, kPageSize), range(k1G, k2M)});

  unsigned seen = 0;
  CHECK_FALSE(f.table.walk(range(0, 4 * k1G), [&](const Table::Slot&) { return ++seen < 2; }));
  CHECK(seen == 2);
  CHECK(f.table.walk(range(f.table.reach(), k1G), [](const Table::Slot&) { return false; }));
}

TEST_CASE("a query names the byte, its flags and the size of its leaf") {
  Fixture f;
  REQUIRE_FALSE(map(f.table, f.tlb, range(k2M, k2M), 5 * k2M, kDevice));
  const auto found = f.table.query(GuestPhysAddr(k2M + 0x1234));
  REQUIRE(found.has_value());
  CHECK(found->hpa == HostPhysAddr(5 * k2M + 0x1234));
  CHECK(found->flags == kDevice);
  CHECK(found->page_size == k2M);
  CHECK_FALSE(f.table.query(GuestPhysAddr(2 * k2M)).has_value());
  CHECK_FALSE(f.table.query(GuestPhysAddr(~0ULL)).has_value());
}

TEST_CASE(
    "root tables lie side by side, aligned to their size, and translate across their borders") {
  for (const unsigned bits : {40U, 42U, 43U}) {
    FakeHal hal;
    FakeTlb tlb;
    {
      auto table = Table::try_make(hal, {.levels = 3, .input_bits = bits});
      REQUIRE(table.has_value());
      const std::size_t roots = std::size_t{1} << (bits - 39);
      CHECK(hal.taken.size() == roots);
      CHECK(table->root().is_aligned(roots * kPageSize));
      REQUIRE_FALSE(map(*table, tlb, range(k512G - k1G, 2 * k1G), 4 * k1G));
      CHECK(hal.taken.size() == roots);
      CHECK(translate(*table, k512G + 5) == 5 * k1G + 5);
      REQUIRE_FALSE(unmap(*table, tlb, range(k512G - kPageSize, 2 * kPageSize)));
      CHECK(translate(*table, k512G - kPageSize - 1) == 5 * k1G - kPageSize - 1);
      CHECK_FALSE(translate(*table, k512G));
      const std::uint64_t last = table->reach() - kPageSize;
      REQUIRE_FALSE(map(*table, tlb, range(last, kPageSize), 0));
      CHECK(translate(*table, last) == 0);
      CHECK_FALSE(translate(*table, last & (k512G - 1)));
    }
    CHECK(hal.balanced());
  }
}

TEST_CASE("geometries that no table has are refused") {
  FakeHal hal;
  using Geometry = PageTableGeometry;
  for (const auto geometry : {Geometry{3, 44}, Geometry{5, 48}, Geometry{2, 30}, Geometry{3, 30},
                              Geometry{4, 39}, Geometry{4, 64}}) {
    auto table = Table::try_make(hal, geometry);
    REQUIRE_FALSE(table.has_value());
    CHECK(table.error().kind == ErrorKind::InvalidInput);
  }
  CHECK(hal.balanced());
}

TEST_CASE("up to 32 pages are forgotten one by one, more of them all at once") {
  FakeHal hal;
  FakeCpu& cpu = hal.cpu(0);
  aarch64::Stage2Tlb tlb(cpu, {.vtcr = 0, .vttbr = 0x0007'0000'4000'1000});
  tlb.invalidate(range(k2M, 32 * kPageSize));
  CHECK(cpu.flushed.size() == 32);
  CHECK(cpu.maintenance.size() == 33);
  CHECK(cpu.maintenance.front() == "ipas2e1is@7");
  CHECK(cpu.maintenance.back() == "vmalle1is@7");
  cpu.maintenance.clear();
  tlb.invalidate(range(k2M, 33 * kPageSize));
  CHECK(cpu.maintenance == std::vector<std::string>{"vmalls12e1is@7"});
}

// --- upstream's defects ------------------------------------------------------------------------

TEST_CASE("a mapping without Execute cannot be executed") {
  Fixture f;
  for (const std::uint64_t size : {kPageSize, k2M, k1G}) {
    const auto flags = kReadWrite;
    REQUIRE_FALSE(map(f.table, f.tlb, range(size, size), size, flags));
    CHECK(f.flags_at(size) == flags);
    CHECK((Stage2Format::leaf(HostPhysAddr(size), flags, 0) & aarch64::descriptor::kExecuteNever) !=
          0);
    REQUIRE_FALSE(unmap(f.table, f.tlb, range(size, size)));
  }
}

TEST_CASE("non-cacheable memory is told from device memory and read back as what it is") {
  Fixture f;
  REQUIRE_FALSE(map(f.table, f.tlb, range(0, kPageSize), 0, kUncached));
  CHECK(f.flags_at(0) == kUncached);
  REQUIRE_FALSE(remap(f.table, f.tlb, range(0, kPageSize), 0, kDevice));
  CHECK(f.flags_at(0) == kDevice);
  // Every MemAttr that hardware knows decodes to something.
  for (std::uint64_t attributes = 0; attributes < 16; ++attributes) {
    const std::uint64_t entry = 0x7c3 | (attributes << aarch64::descriptor::kMemAttrShift);
    const auto flags = Stage2Format::flags(entry);
    CHECK(has_all(flags, MappingFlags::Device) == (attributes < 4));
    CHECK(has_all(flags, MappingFlags::Uncached) == (attributes >= 4 && attributes != 15));
  }
}

TEST_CASE("a mapping without Read or without Write is still one, and reads back so") {
  Fixture f;
  for (const auto flags : {MappingFlags::Write, MappingFlags::Execute, MappingFlags::Read,
                           MappingFlags::Write | MappingFlags::Execute}) {
    REQUIRE_FALSE(remap(f.table, f.tlb, range(0, kPageSize), k1G, flags));
    CHECK(translate(f.table, 0) == k1G);
    CHECK(f.flags_at(0) == flags);
  }
}
