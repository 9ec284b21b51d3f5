#include <tests/core/memory/space_fixture.hpp>

using namespace axvm;
using namespace axvm::test;

namespace {

std::vector<std::uint64_t> take(SpaceFixture& f, GuestPhysRange r) {
  std::vector<std::uint64_t> bits(dirty_words(r.size), ~0ULL);
  REQUIRE(f.space.take_dirty_log(r, bits, f.tlb).has_value());
  return bits;
}
using Bits = std::vector<std::uint64_t>;
constexpr auto kWrite = MappingFlags::Write;
constexpr auto kRead = MappingFlags::Read;

}  // namespace

TEST_CASE("a log finds dirty and clean pages across words, and gives bits from any page on") {
  FakeHal hal;
  auto log = DirtyLog::try_make(Allocator::of(hal), pages(0, 200));
  REQUIRE(log.has_value());
  log->mark(range(kBase - 10, 11));  // the first page, and what is below
  log->mark(pages(63, 2));
  log->mark(range(kBase + 130 * kPageSize + 5, 1));
  log->mark(pages(199, 50));
  const auto find = [&](bool dirty, std::uint64_t from, std::uint64_t end) {
    return (log->find(dirty, pages(from, 1).base, pages(end, 1).base).value - kBase) / kPageSize;
  };
  CHECK(find(true, 0, 200) == 0);
  CHECK(find(true, 1, 200) == 63);
  CHECK(find(false, 63, 200) == 65);
  CHECK(find(true, 65, 130) == 130);  // none: the end
  CHECK(find(true, 131, 200) == 199);
  Bits bits(2);
  log->take(pages(60, 71), bits);
  CHECK(bits == Bits{(1ULL << 3) | (1ULL << 4), 1ULL << 6});
  CHECK(find(true, 1, 200) == 199);
  CHECK(log->is_dirty(GuestPhysAddr(kBase)));
}

TEST_CASE("writes of guest and VMM show in the log, reads do not") {
  SpaceFixture f;
  REQUIRE(f.space.map_alloc(pages(0, 4), kReadWrite, true, f.tlb).has_value());
  REQUIRE(f.space.map_alloc(pages(4, 4), kReadWrite, false, f.tlb).has_value());
  REQUIRE(f.space.start_dirty_log(pages(0, 8), f.tlb).has_value());
  for (std::uint64_t page = 0; page < 8; ++page) {
    CHECK_FALSE(f.permits(pages(page, 1).base, kWrite));
  }
  CHECK(f.touch(pages(1, 1).base, kRead).has_value());
  CHECK(f.touch(pages(2, 1).base, kWrite).has_value());
  CHECK(f.touch(pages(4, 1).base, kRead).has_value());  // comes, and is clean
  CHECK(f.touch(pages(5, 1).base, kWrite).has_value());
  REQUIRE(f.space.write(pages(7, 1).base - 1, some_bytes(2), f.tlb).has_value());
  CHECK(take(f, pages(0, 8)) == Bits{0b1110'0100});
  CHECK(take(f, pages(0, 8)) == Bits{0});

  // What has been taken is watched again.
  CHECK_FALSE(f.permits(pages(2, 1).base, kWrite));
  CHECK(f.touch(pages(2, 1).base, kWrite).has_value());
  CHECK(f.touch(pages(4, 1).base, kWrite).has_value());
  CHECK(take(f, pages(2, 1)) == Bits{1});
  CHECK(take(f, pages(1, 4)) == Bits{0b1000});

  REQUIRE(f.space.stop_dirty_log(pages(0, 8), f.tlb).has_value());
  CHECK(f.permits(pages(0, 1).base, kWrite));
  CHECK(f.permits(pages(2, 1).base, kWrite));
}

TEST_CASE("a page is invalidated before its bits are given, so that no write is missed") {
  SpaceFixture f;
  REQUIRE(f.space.map_alloc(pages(0, 2), kReadWrite, true, f.tlb).has_value());
  REQUIRE(f.space.start_dirty_log(pages(0, 2), f.tlb).has_value());
  CHECK(f.touch(pages(1, 1).base, kWrite).has_value());
  f.tlb.invalidated.clear();
  CHECK(take(f, pages(0, 2)) == Bits{2});
  REQUIRE(f.tlb.invalidated.size() == 1);
  CHECK(f.tlb.invalidated[0].contains(pages(1, 1).base, kPageSize));
}

TEST_CASE("blocks are split while they are logged, and merged afterwards") {
  SpaceFixture f;
  f.hal.ram_size = k1G;
  REQUIRE(f.space.map_linear(range(0, k1G), HostPhysAddr(FakeHal::kRam), kReadWrite, f.tlb)
              .has_value());
  const std::size_t frames = f.hal.taken.size();
  const GuestPhysRange logged = range(k2M + kPageSize, 2 * k2M);  // not aligned to blocks
  REQUIRE(f.space.start_dirty_log(logged, f.tlb).has_value());
  CHECK(f.leaf_size(logged.base) == kPageSize);
  CHECK(f.leaf_size(logged.end() - 1) == kPageSize);
  CHECK(f.leaf_size(GuestPhysAddr(0)) == k2M);
  CHECK(f.permits(logged.base - 1, kWrite));
  CHECK(f.permits(logged.end(), kWrite));
  f.hal.budget = 0;  // noticing a write needs no memory
  CHECK(f.touch(logged.base, kWrite) == HostPhysAddr(FakeHal::kRam + logged.base.value));
  const auto bits = take(f, logged);
  CHECK(bits[0] == 1);
  REQUIRE(f.space.stop_dirty_log(logged, f.tlb).has_value());
  CHECK(f.leaf_size(logged.base) == k1G);
  CHECK(f.hal.taken.size() == frames);
}

TEST_CASE("ending one log leaves the pages of another split and watched") {
  SpaceFixture f;
  REQUIRE(f.space.map_linear(range(0, 2 * k2M), HostPhysAddr(FakeHal::kRam), kReadWrite, f.tlb)
              .has_value());
  REQUIRE(f.space.start_dirty_log(range(0, k2M), f.tlb).has_value());
  REQUIRE(f.space.start_dirty_log(range(k2M, k2M), f.tlb).has_value());
  CHECK(kind(f.space.start_dirty_log(range(kPageSize, k2M), f.tlb)) == ErrorKind::AlreadyExists);
  REQUIRE(f.space.stop_dirty_log(range(k2M, k2M), f.tlb).has_value());
  CHECK(f.leaf_size(GuestPhysAddr(k2M)) == k2M);
  CHECK(f.leaf_size(GuestPhysAddr(0)) == kPageSize);
  CHECK_FALSE(f.permits(GuestPhysAddr(0), kWrite));
  std::vector<std::uint64_t> bits(dirty_words(k2M));
  CHECK(kind(f.space.take_dirty_log(range(k2M, k2M), bits, f.tlb)) == ErrorKind::NotFound);
  CHECK(kind(f.space.take_dirty_log(range(kPageSize, k2M), bits, f.tlb)) == ErrorKind::NotFound);
  CHECK(kind(f.space.take_dirty_log(range(0, kPageSize), bits, f.tlb)) == ErrorKind::InvalidInput);
  CHECK(kind(f.space.stop_dirty_log(range(0, kPageSize), f.tlb)) == ErrorKind::NotFound);
}

TEST_CASE("memory that is mapped into a log counts as written, and is watched from then on") {
  SpaceFixture f;
  const GuestPhysRange logged = range(0, 2 * k2M);
  REQUIRE(f.space.start_dirty_log(logged, f.tlb).has_value());
  REQUIRE(f.space.map_linear(range(k2M, 2 * k2M), HostPhysAddr(FakeHal::kRam), kReadWrite, f.tlb)
              .has_value());
  REQUIRE(
      f.space.map_passthrough({range(0, kPageSize), HostPhysAddr(0x900'0000)}, f.tlb).has_value());
  CHECK(f.leaf_size(GuestPhysAddr(k2M)) == kPageSize);
  CHECK(f.leaf_size(GuestPhysAddr(2 * k2M)) == k2M);  // outside
  const Bits bits = take(f, logged);
  CHECK(bits[0] == 0);  // a device is no memory
  CHECK(bits[8] == ~0ULL);
  CHECK(f.permits(GuestPhysAddr(0), kWrite));
  CHECK_FALSE(f.permits(GuestPhysAddr(k2M), kWrite));
}

TEST_CASE("what the guest may not write stays so while and after it is logged") {
  SpaceFixture f;
  REQUIRE(f.space.map_alloc(pages(0, 2), kReadWrite, true, f.tlb).has_value());
  REQUIRE(f.space.start_dirty_log(pages(0, 2), f.tlb).has_value());
  REQUIRE(f.space.protect(pages(1, 1), kRead, f.tlb).has_value());
  CHECK_FALSE(f.touch(pages(1, 1).base, kWrite).has_value());
  CHECK(take(f, pages(0, 2)) == Bits{0});
  REQUIRE(f.space.protect(pages(1, 1), kReadWrite, f.tlb).has_value());
  CHECK_FALSE(f.permits(pages(1, 1).base, kWrite));  // permitted, but watched
  CHECK(f.touch(pages(1, 1).base, kWrite).has_value());
  CHECK(take(f, pages(0, 2)) == Bits{2});
  REQUIRE(f.space.protect(pages(1, 1), kRead, f.tlb).has_value());
  REQUIRE(f.space.stop_dirty_log(pages(0, 2), f.tlb).has_value());
  CHECK_FALSE(f.permits(pages(1, 1).base, kWrite));
  CHECK(f.permits(pages(0, 1).base, kWrite));
}

TEST_CASE("memory that can only be written cannot be watched") {
  SpaceFixture f;
  REQUIRE(f.space.map_alloc(pages(0, 1), kWrite, true, f.tlb).has_value());
  CHECK(kind(f.space.start_dirty_log(pages(0, 2), f.tlb)) == ErrorKind::Unsupported);
  REQUIRE(f.space.start_dirty_log(pages(1, 2), f.tlb).has_value());
  CHECK(kind(f.space.map_alloc(pages(1, 1), kWrite, true, f.tlb)) == ErrorKind::Unsupported);
  REQUIRE(f.space.map_alloc(pages(1, 1), kReadWrite, true, f.tlb).has_value());
  CHECK(kind(f.space.protect(pages(1, 1), kWrite, f.tlb)) == ErrorKind::Unsupported);
  CHECK(f.permits(pages(0, 1).base, kWrite));
}
