// Backings, protection, and what remains when memory runs out.
#include <tests/core/memory/space_fixture.hpp>

using namespace axvm;
using namespace axvm::test;

namespace {

/// Everything that somebody could tell apart: regions, leaves, contents, frames, logs.
struct Snapshot {
  explicit Snapshot(SpaceFixture& f) : frames(f.hal.taken), objects(f.hal.objects.size()) {
    for (const Region& r : f.space.regions()) {
      regions.push_back(std::to_string(r.range.base.value) + "+" + std::to_string(r.range.size) +
                        " " + std::string(to_string(r.backing)) + " " +
                        std::to_string(static_cast<unsigned>(r.flags)));
      for (GuestPhysAddr at = r.range.base; at < r.range.end(); at = at + kPageSize) {
        const auto found = f.space.query(at);
        leaves.push_back(!found ? 0 : found->hpa.value | static_cast<std::uint64_t>(found->flags));
      }
    }
  }
  friend bool operator==(const Snapshot&, const Snapshot&) = default;

  std::vector<std::string> regions;
  std::vector<std::uint64_t> leaves;
  std::set<std::uint64_t> frames;
  std::size_t objects;
};

/// Runs `operation` with 0, 1, 2 … allocations left until it succeeds; each time it fails, by
/// NoMemory (or as an exact range, by ResourceBusy), everything is as before.
template <class Operation>
std::size_t check_all_or_nothing(SpaceFixture& f, Operation operation) {
  const Snapshot before(f);
  for (std::size_t budget = 0;; ++budget) {
    f.hal.budget = budget;
    const Result<> done = operation();
    f.hal.budget.reset();
    if (done) return budget;
    CHECK(
        (done.error().kind == ErrorKind::NoMemory || done.error().kind == ErrorKind::ResourceBusy));
    CHECK(Snapshot(f) == before);
    REQUIRE(budget < 100);
  }
}

}  // namespace

TEST_CASE("every kind of region says what it is") {
  SpaceFixture f;
  const auto identical = range(FakeHal::kRam + 128 * kPageSize, kPageSize);
  REQUIRE(f.space.map_linear(pages(0, 1), HostPhysAddr(0x1000), kReadWrite, f.tlb).has_value());
  REQUIRE(f.space.map_alloc(pages(1, 1), kReadWrite, true, f.tlb).has_value());
  REQUIRE(f.space.map_alloc(pages(2, 1), kReadWrite, false, f.tlb).has_value());
  REQUIRE(f.space.map_reserved(pages(3, 1), kReadWrite, f.tlb).has_value());
  REQUIRE(f.space.map_passthrough({pages(4, 1), HostPhysAddr(0)}, f.tlb).has_value());
  REQUIRE(f.space.map_identical(identical, kReadWrite, f.tlb).has_value());
  std::vector<std::string_view> names;
  for (const Region& region : f.space.regions()) names.push_back(to_string(region.backing));
  CHECK(names == std::vector<std::string_view>{"identical", "linear", "eager", "lazy", "reserved",
                                               "passthrough"});
  CHECK(f.space.translate(pages(3, 1).base) == HostPhysAddr(pages(3, 1).base.value));
  CHECK(has_all(f.space.query(pages(4, 1).base)->flags, MappingFlags::Device));
  CHECK(f.space.find_free(pages(0, 1).base, kPageSize) == pages(5, 1).base);
}

TEST_CASE("an identical region is mapped once, whether its range was free or not") {
  // Upstream mapped it in the branch for a failed allocation, and again after it.
  SpaceFixture f;
  const auto there = range(FakeHal::kRam + 128 * kPageSize, 2 * kPageSize);
  REQUIRE(f.space.map_identical(there, kReadWrite, f.tlb).has_value());
  CHECK(f.space.regions().size() == 1);
  CHECK(kind(f.space.map_identical(there, kReadWrite, f.tlb)) == ErrorKind::ResourceBusy);
  CHECK(f.space.regions().size() == 1);
  REQUIRE(f.space.unmap(there, f.tlb).has_value());
  CHECK(f.space.map_identical(there, kReadWrite, f.tlb).has_value());
}

TEST_CASE("protect changes what is permitted, in parts of several regions, and nothing else") {
  SpaceFixture f;
  REQUIRE(f.space.map_alloc(pages(0, 4), kReadWriteExecute, true, f.tlb).has_value());
  REQUIRE(f.space.map_alloc(pages(5, 4), kReadWrite, false, f.tlb).has_value());
  const auto frame = f.space.translate(pages(2, 1).base);
  REQUIRE(f.space.protect(pages(2, 5), MappingFlags::Read, f.tlb).has_value());
  CHECK(f.space.translate(pages(2, 1).base) == frame);
  CHECK(f.permits(pages(1, 1).base, kReadWriteExecute));
  CHECK_FALSE(f.touch(pages(2, 1).base, MappingFlags::Write).has_value());
  CHECK(f.touch(pages(2, 1).base, MappingFlags::Read).has_value());
  CHECK_FALSE(f.touch(pages(4, 1).base, MappingFlags::Read).has_value());  // the hole
  CHECK_FALSE(f.touch(pages(6, 1).base, MappingFlags::Write).has_value());
  CHECK(f.touch(pages(7, 1).base, MappingFlags::Write).has_value());
  CHECK(f.space.regions().size() == 4);
  CHECK(kind(f.space.protect(pages(0, 1), MappingFlags::Device, f.tlb)) == ErrorKind::InvalidInput);
  CHECK(kind(f.space.protect(pages(0, 1), MappingFlags::None, f.tlb)) == ErrorKind::InvalidInput);
  CHECK(kind(f.space.protect(range(1, 1), MappingFlags::Read, f.tlb)) == ErrorKind::InvalidInput);
}

TEST_CASE("protected memory keeps its kind") {
  SpaceFixture f;
  const auto uncached = kReadWrite | MappingFlags::Uncached;
  REQUIRE(f.space.map_alloc(pages(0, 1), uncached, true, f.tlb).has_value());
  REQUIRE(f.space.map_passthrough({pages(1, 1), HostPhysAddr(0)}, f.tlb).has_value());
  REQUIRE(f.space.protect(pages(0, 2), MappingFlags::Read, f.tlb).has_value());
  CHECK(f.space.query(pages(0, 1).base)->flags == (MappingFlags::Read | MappingFlags::Uncached));
  CHECK(f.space.query(pages(1, 1).base)->flags == (MappingFlags::Read | MappingFlags::Device));
  CHECK_FALSE(f.space.is_memory(pages(1, 1)));
}

TEST_CASE("cleared memory is as when it was mapped, but for what others own") {
  SpaceFixture f;
  const auto identical = range(FakeHal::kRam + 128 * kPageSize, kPageSize);
  const std::uint64_t foreign = FakeHal::kRam + 64 * kPageSize;
  REQUIRE(f.hal.allocate_range(HostPhysAddr(foreign), kPageSize));
  REQUIRE(f.space.map_identical(identical, kReadWrite, f.tlb).has_value());
  REQUIRE(f.space.map_alloc(pages(0, 1), kReadWrite, true, f.tlb).has_value());
  REQUIRE(f.space.map_alloc(pages(1, 1), kReadWrite, false, f.tlb).has_value());
  REQUIRE(f.space.map_linear(pages(2, 1), HostPhysAddr(foreign), kReadWrite, f.tlb).has_value());
  for (const GuestPhysRange r : {identical, pages(0, 1), pages(1, 1), pages(2, 1)}) {
    REQUIRE(f.space.write_object(r.base, std::uint32_t{7}, f.tlb).has_value());
  }
  f.space.clear(f.tlb);
  CHECK(*f.space.read_object<std::uint32_t>(identical.base) == 0);
  CHECK(*f.space.read_object<std::uint32_t>(pages(0, 1).base) == 0);
  CHECK(*f.space.read_object<std::uint32_t>(pages(1, 1).base) == 0);
  CHECK(*f.space.read_object<std::uint32_t>(pages(2, 1).base) == 7);
  CHECK(f.space.translate(pages(0, 1).base).has_value());
  CHECK_FALSE(f.space.translate(pages(1, 1).base).has_value());
  f.hal.deallocate_range(HostPhysAddr(foreign), kPageSize);
}

TEST_CASE("a change that runs out of memory, at whichever allocation, has not happened") {
  SpaceFixture f(12);
  const HostPhysAddr ram(FakeHal::kRam);
  REQUIRE(f.space.map_linear(range(0, 2 * k2M), ram, kReadWrite, f.tlb).has_value());
  const auto identical = range(FakeHal::kRam + 600 * kPageSize, 300 * kPageSize);

  CHECK(check_all_or_nothing(f, [&] {
          return f.space.map_linear(range(k1G - kPageSize, 2 * kPageSize), ram, kReadWrite, f.tlb);
        }) > 2);
  CHECK(check_all_or_nothing(
            f, [&] { return f.space.map_identical(identical, kReadWrite, f.tlb); }) > 1);
  CHECK(check_all_or_nothing(
            f, [&] { return f.space.map_alloc(pages(510, 5), kReadWrite, true, f.tlb); }) > 5);
  CHECK(check_all_or_nothing(f, [&] {
          return f.space.protect(range(kPageSize, 2 * k2M - 2 * kPageSize), MappingFlags::Read,
                                 f.tlb);
        }) > 1);
  CHECK(check_all_or_nothing(f, [&] { return f.space.start_dirty_log(range(0, k1G), f.tlb); }) > 0);
  REQUIRE(f.space.stop_dirty_log(range(0, k1G), f.tlb).has_value());
  REQUIRE(f.space.protect(range(0, 2 * k2M), kReadWrite, f.tlb).has_value());
  CHECK(check_all_or_nothing(f, [&] {
          return f.space.map_linear(range(4 * k2M, k2M), ram, kReadWrite, f.tlb);
        }) == 0);
  CHECK(check_all_or_nothing(
            f, [&] { return f.space.start_dirty_log(range(3 * k2M, 2 * k2M), f.tlb); }) > 1);
  REQUIRE(f.space.stop_dirty_log(range(3 * k2M, 2 * k2M), f.tlb).has_value());
  CHECK(check_all_or_nothing(
            f, [&] { return f.space.unmap(range(4 * k2M + kPageSize, kPageSize), f.tlb); }) > 0);
}

TEST_CASE("a region list without room refuses before anything has changed") {
  SpaceFixture f(3);
  REQUIRE(f.space.map_alloc(pages(0, 8), kReadWrite, true, f.tlb).has_value());
  REQUIRE(f.space.map_alloc(pages(8, 8), kReadWrite, true, f.tlb).has_value());
  const Snapshot before(f);
  CHECK(kind(f.space.protect(pages(1, 2), MappingFlags::Read, f.tlb)) == ErrorKind::NoMemory);
  CHECK(Snapshot(f) == before);
  REQUIRE(f.space.unmap(pages(1, 1), f.tlb).has_value());
  const Snapshot full(f);
  CHECK(kind(f.space.unmap(pages(10, 1), f.tlb)) == ErrorKind::NoMemory);
  CHECK(kind(f.space.map_alloc(pages(30, 1), kReadWrite, true, f.tlb)) == ErrorKind::NoMemory);
  CHECK(Snapshot(f) == full);
}

TEST_CASE("a page that cannot be backed is asked for again, and nothing is lost") {
  SpaceFixture f;
  REQUIRE(f.space.map_alloc(pages(0, 2), kReadWrite, false, f.tlb).has_value());
  REQUIRE(f.space.start_dirty_log(pages(0, 2), f.tlb).has_value());
  const Snapshot before(f);
  for (std::size_t budget = 0; budget < 4; ++budget) {
    f.hal.budget = budget;
    CHECK(kind(f.space.handle_page_fault(pages(1, 1).base, MappingFlags::Write, f.tlb)) ==
          ErrorKind::NoMemory);
    CHECK(Snapshot(f) == before);
  }
  f.hal.budget.reset();
  std::vector<std::uint64_t> bits(1);
  REQUIRE(f.space.take_dirty_log(pages(0, 2), bits, f.tlb).has_value());
  CHECK(bits[0] == 0);
  CHECK(f.touch(pages(1, 1).base, MappingFlags::Write).has_value());
  REQUIRE(f.space.take_dirty_log(pages(0, 2), bits, f.tlb).has_value());
  CHECK(bits[0] == 2);
}
