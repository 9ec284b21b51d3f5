// Guest buffers and objects, over the borders of pages and regions.
#include <tests/core/memory/space_fixture.hpp>

using namespace axvm;
using namespace axvm::test;

namespace {

struct Descriptor {
  std::uint64_t address;
  std::uint32_t length;
  std::uint16_t flags;
  std::uint16_t next;
  friend bool operator==(const Descriptor&, const Descriptor&) = default;
};

/// Eager, lazy, identical and foreign memory side by side, read-only memory, a hole, and a window.
struct ManyRegions : SpaceFixture {
  static constexpr std::uint64_t kFirst = FakeHal::kRam + 96 * kPageSize;  // of the identical one
  ManyRegions() {
    const auto at = [](std::uint64_t page, std::uint64_t n) {
      return range(kFirst + page * kPageSize, n * kPageSize);
    };
    REQUIRE(hal.allocate_range(HostPhysAddr(foreign), 2 * kPageSize));
    std::memset(hal.bytes(foreign), 0, 2 * kPageSize);
    REQUIRE(space.map_identical(at(0, 2), kReadWrite, tlb).has_value());
    REQUIRE(space.map_alloc(at(2, 2), kReadWrite, false, tlb).has_value());
    REQUIRE(space.map_linear(at(4, 2), HostPhysAddr(foreign), kReadWrite, tlb).has_value());
    REQUIRE(space.map_alloc(at(6, 2), MappingFlags::Read, true, tlb).has_value());
    REQUIRE(space.map_passthrough({at(9, 1), HostPhysAddr(0x900'0000)}, tlb).has_value());
    REQUIRE(space.map_linear(at(10, 1), HostPhysAddr(0x1000), kReadWrite, tlb).has_value());
  }
  ~ManyRegions() { hal.deallocate_range(HostPhysAddr(foreign), 2 * kPageSize); }
  ManyRegions(const ManyRegions&) = delete;
  ManyRegions& operator=(const ManyRegions&) = delete;

  static constexpr std::uint64_t foreign = FakeHal::kRam + 64 * kPageSize;
};

}  // namespace

TEST_CASE("a buffer goes through regions of every kind") {
  ManyRegions f;
  const GuestPhysAddr at(f.kFirst + 5);
  const auto bytes = some_bytes(8 * kPageSize - 10);
  REQUIRE(f.space.write(at, bytes, f.tlb).has_value());
  std::vector<std::byte> back(bytes.size());
  REQUIRE(f.space.read(at, back).has_value());
  CHECK(back == bytes);
  CHECK(f.hal.bytes(f.foreign)[0] == bytes[4 * kPageSize - 5]);

  std::vector<std::byte> visited;
  const auto collect = [&](std::span<std::byte> part) {
    visited.insert(visited.end(), part.begin(), part.end());
  };
  REQUIRE(f.space.visit({at, bytes.size()}, f.tlb, collect).has_value());
  CHECK(visited == bytes);
}

TEST_CASE("no bytes at all are read, written and visited anywhere, without touching a page") {
  ManyRegions f;
  const std::size_t frames = f.hal.taken.size();
  // A hole, a device, lazy memory; in the middle of a page.
  for (const std::uint64_t page : {8U, 9U, 2U}) {
    const GuestPhysAddr at(f.kFirst + page * kPageSize + 5);
    CHECK(f.space.write(at, {}, f.tlb).has_value());
    CHECK(f.space.read(at, {}).has_value());
    CHECK(f.space.visit({at, 0}, f.tlb, [](std::span<std::byte>) { CHECK(false); }).has_value());
  }
  CHECK(f.hal.taken.size() == frames);
}

TEST_CASE("a buffer that leaves memory is not touched at all") {
  ManyRegions f;
  const GuestPhysAddr end(f.kFirst + 8 * kPageSize);
  const auto bytes = some_bytes(64);
  CHECK(kind(f.space.write(end - 63, bytes, f.tlb)) == ErrorKind::BadAddress);
  std::vector<std::byte> back(63, std::byte{0xff});
  REQUIRE(f.space.read(end - 63, back).has_value());
  CHECK(back == std::vector<std::byte>(63));
  CHECK(kind(f.space.write(GuestPhysAddr(f.kFirst - 1), bytes, f.tlb)) == ErrorKind::BadAddress);
  CHECK(kind(f.space.write(GuestPhysAddr(~0ULL - 3), bytes, f.tlb)) == ErrorKind::BadAddress);
  bool visited = false;
  const auto note = [&](std::span<std::byte>) { visited = true; };
  CHECK(kind(f.space.visit({end - 1, 2}, f.tlb, note)) == ErrorKind::BadAddress);
  CHECK_FALSE(visited);
}

TEST_CASE("the VMM touches neither devices nor addresses that are no RAM, whatever is mapped") {
  ManyRegions f;
  std::byte byte{};
  for (const std::uint64_t page : {8U, 9U, 10U}) {
    const GuestPhysAddr at(f.kFirst + page * kPageSize);
    CHECK(kind(f.space.read(at, {&byte, 1})) == ErrorKind::BadAddress);
    CHECK_FALSE(f.space.is_memory({at, 1}));
  }
  CHECK(f.permits(GuestPhysAddr(f.kFirst + 9 * kPageSize), kReadWrite));
  CHECK(f.permits(GuestPhysAddr(f.kFirst + 10 * kPageSize), kReadWrite));
  // Reserved memory that is partly RAM is not either.
  const std::uint64_t end = FakeHal::kRam + f.hal.ram_size;
  REQUIRE(
      f.space.map_reserved(range(end - kPageSize, 2 * kPageSize), kReadWrite, f.tlb).has_value());
  CHECK_FALSE(f.space.is_memory(range(end - kPageSize, 1)));
}

TEST_CASE("objects are aligned, whole, and laid out as in the VMM") {
  ManyRegions f;
  const Descriptor descriptor{0x1122'3344'5566'7788, 7, 3, 9};
  const GuestPhysAddr border(f.kFirst + 2 * kPageSize - 8);  // half here, half in a lazy page
  REQUIRE(f.space.write_object(border, descriptor, f.tlb).has_value());
  CHECK(*f.space.read_object<Descriptor>(border) == descriptor);
  CHECK(*f.space.read_object<std::uint16_t>(border + 12) == 3);
  CHECK(*f.space.read_object<std::uint8_t>(border + 1) == 0x77);
  CHECK(kind(f.space.read_object<Descriptor>(border + 4)) == ErrorKind::InvalidInput);
  CHECK(kind(f.space.write_object(border + 1, std::uint16_t{1}, f.tlb)) == ErrorKind::InvalidInput);
  CHECK(kind(f.space.read_object<Descriptor>(GuestPhysAddr(f.kFirst + 8 * kPageSize - 8))) ==
        ErrorKind::BadAddress);
}
