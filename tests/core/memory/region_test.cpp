// Upstream's cases for memory sets, by name, and the rules of splitting.
#include <tests/core/memory/space_fixture.hpp>

using namespace axvm;
using namespace axvm::test;

namespace {

Region linear(GuestPhysRange r, std::uint64_t hpa = 0) {
  return {r, HostPhysAddr(hpa), kReadWrite, Backing::Linear, true};
}
std::vector<GuestPhysRange> ranges(const RegionList& list) {
  std::vector<GuestPhysRange> found;
  for (const Region& region : list.regions()) found.push_back(region.range);
  return found;
}
using Ranges = std::vector<GuestPhysRange>;

}  // namespace

TEST_CASE("memory_set: map_unmap") {
  FakeHal hal;
  auto list = RegionList::try_make(Allocator::of(hal), 8);
  REQUIRE(list.has_value());
  for (std::uint64_t i = 0; i < 8; ++i) {
    REQUIRE(list->add(linear(pages(2 * (7 - i), 1))).has_value());
  }
  CHECK(kind(list->add(linear(pages(100, 1)))) == ErrorKind::NoMemory);
  CHECK(kind(list->add(linear(pages(4, 1)))) == ErrorKind::AlreadyExists);
  CHECK(kind(list->add(linear(pages(3, 2)))) == ErrorKind::AlreadyExists);
  CHECK(list->find(pages(4, 1).base)->range == pages(4, 1));
  CHECK(list->find(pages(5, 1).base) == nullptr);
  list->remove(pages(3, 10));  // regions and holes
  CHECK(ranges(*list) == Ranges{pages(0, 1), pages(2, 1), pages(14, 1)});
  list->remove(pages(0, 100));
  CHECK(list->regions().empty());
}

TEST_CASE("memory_set: unmap_split") {
  FakeHal hal;
  auto list = RegionList::try_make(Allocator::of(hal), 3);
  REQUIRE(list->add(linear(pages(0, 10), 0x10'0000)).has_value());
  list->remove(pages(0, 1));  // the front
  list->remove(pages(9, 3));  // the back
  CHECK(ranges(*list) == Ranges{pages(1, 8)});
  CHECK(list->regions()[0].hpa == HostPhysAddr(0x10'1000));
  REQUIRE(list->can_remove(pages(4, 2)));
  list->remove(pages(4, 2));  // the middle
  CHECK(ranges(*list) == Ranges{pages(1, 3), pages(6, 3)});
  CHECK(list->regions()[1].hpa == HostPhysAddr(0x10'6000));
  list->remove(pages(3, 4));  // a back, a hole and a front
  CHECK(ranges(*list) == Ranges{pages(1, 2), pages(7, 2)});

  REQUIRE(list->add(linear(pages(20, 3))).has_value());
  CHECK_FALSE(list->can_remove(pages(21, 1)));
  CHECK(list->can_remove(pages(20, 1)));
}

TEST_CASE("memory_set: protect") {
  FakeHal hal;
  auto list = RegionList::try_make(Allocator::of(hal), 4);
  REQUIRE(list->add(linear(pages(0, 4))).has_value());
  REQUIRE(list->add(linear(pages(6, 4))).has_value());
  REQUIRE(list->can_split(pages(2, 6)));
  list->split(pages(2, 6));
  list->permit(pages(2, 6), MappingFlags::Read);
  CHECK(ranges(*list) == Ranges{pages(0, 2), pages(2, 2), pages(6, 2), pages(8, 2)});
  CHECK(list->regions()[0].flags == kReadWrite);
  CHECK(list->regions()[1].flags == MappingFlags::Read);
  CHECK(list->regions()[2].flags == MappingFlags::Read);
  CHECK(list->regions()[3].flags == kReadWrite);
  CHECK_FALSE(list->can_split(pages(1, 1)));  // no room for a fifth
  CHECK(list->can_split(pages(0, 2)));        // and none needed
}

TEST_CASE("memory_set: find_free_area") {
  FakeHal hal;
  auto list = RegionList::try_make(Allocator::of(hal), 4);
  REQUIRE(list->add(linear(pages(2, 2))).has_value());
  REQUIRE(list->add(linear(pages(5, 2))).has_value());
  const auto at = [&](std::uint64_t hint, std::uint64_t n, GuestPhysRange limit) {
    return list->find_free(pages(hint, 0).base, n * kPageSize, limit);
  };
  CHECK(at(0, 1, pages(0, 10)) == pages(0, 0).base);
  CHECK(at(0, 3, pages(0, 10)) == pages(7, 0).base);
  CHECK(at(1, 1, pages(0, 10)) == pages(1, 0).base);
  CHECK(at(3, 1, pages(0, 10)) == pages(4, 0).base);
  CHECK(at(0, 1, pages(4, 6)) == pages(4, 0).base);  // a hint below the limit's start
  CHECK_FALSE(at(0, 4, pages(0, 10)).has_value());
  CHECK_FALSE(at(9, 2, pages(0, 10)).has_value());
  CHECK_FALSE(at(0, 1, pages(2, 2)).has_value());
}
