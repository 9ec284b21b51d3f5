// Upstream's cases for address spaces, memory access and frames, by name.
#include <core/memory/frames.hpp>
#include <tests/core/memory/space_fixture.hpp>

using namespace axvm;
using namespace axvm::test;

namespace {

bool is_filled(FakeHal& hal, HostPhysAddr frame, std::byte with) {
  return std::all_of(hal.bytes(frame.value), hal.bytes(frame.value) + kPageSize,
                     [with](std::byte b) { return b == with; });
}

}  // namespace

TEST_CASE("addr_space_creation") {
  SpaceFixture f;
  CHECK(f.space.reach() == range(0, 1ULL << 48));
  CHECK(f.space.regions().empty());
  CHECK(f.space.root().is_aligned(kPageSize));
  FakeHal poor;
  for (std::size_t budget = 0; budget < 3; ++budget) {
    poor.budget = budget;
    CHECK(kind(Space::try_make(poor, aarch64::kStage2FourLevels, 8)) == ErrorKind::NoMemory);
  }
  poor.budget.reset();
  CHECK(kind(Space::try_make(poor, {5, 48}, 8)) == ErrorKind::InvalidInput);
}

TEST_CASE("contains_range") {
  SpaceFixture f;
  CHECK(f.space.reach().contains(GuestPhysAddr(0), 1ULL << 48));
  CHECK_FALSE(f.space.reach().contains(GuestPhysAddr(1), 1ULL << 48));
  CHECK_FALSE(f.space.reach().contains(GuestPhysAddr(~0ULL), 2));
}

TEST_CASE("map_linear") {
  SpaceFixture f;
  REQUIRE(f.space.map_linear(pages(0, 2), HostPhysAddr(0x5000), kReadWrite, f.tlb).has_value());
  CHECK(f.space.translate(GuestPhysAddr(kBase)) == HostPhysAddr(0x5000));
  CHECK(f.space.translate(GuestPhysAddr(kBase + 0x1000)) == HostPhysAddr(0x6000));
  CHECK(f.space.translate(GuestPhysAddr(kBase + 0x1fff)) == HostPhysAddr(0x6fff));
  CHECK_FALSE(f.space.translate(GuestPhysAddr(kBase + 0x2000)).has_value());
  CHECK_FALSE(f.space.translate(GuestPhysAddr(kBase - 1)).has_value());
}

TEST_CASE("map_linear_allows_hpa_above_gpa") {
  SpaceFixture f;
  const HostPhysAddr high((1ULL << 48) - kPageSize);
  REQUIRE(f.space.map_linear(range(0, kPageSize), high, kReadWrite, f.tlb).has_value());
  CHECK(f.space.translate(GuestPhysAddr(0xfff)) == high + 0xfff);
}

TEST_CASE("map_linear_rejects_physical_range_overflow") {
  SpaceFixture f;
  const HostPhysAddr last(~0ULL - kPageSize + 1);
  CHECK(kind(f.space.map_linear(pages(0, 2), last, kReadWrite, f.tlb)) == ErrorKind::InvalidInput);
  CHECK(f.space.regions().empty());
}

TEST_CASE("map_alloc_populate") {
  SpaceFixture f;
  REQUIRE(f.space.map_alloc(pages(0, 2), kReadWrite, true, f.tlb).has_value());
  CHECK(f.space.translate(GuestPhysAddr(kBase)).has_value());
  CHECK(f.space.translate(GuestPhysAddr(kBase + 0x1fff)).has_value());
  CHECK(*f.hal.bytes(f.space.translate(GuestPhysAddr(kBase))->value) == std::byte{0});
}

TEST_CASE("map_alloc_lazy") {
  SpaceFixture f;
  REQUIRE(f.space.map_alloc(pages(0, 2), kReadWrite, false, f.tlb).has_value());
  CHECK_FALSE(f.space.translate(GuestPhysAddr(kBase)).has_value());
  CHECK(f.touch(GuestPhysAddr(kBase), MappingFlags::Read).has_value());
  CHECK(f.space.translate(GuestPhysAddr(kBase)).has_value());
  CHECK_FALSE(f.space.translate(GuestPhysAddr(kBase + kPageSize)).has_value());
}

TEST_CASE("page_fault_handling") {
  using Kind = PageFaultOutcome::Kind;
  SpaceFixture f;
  REQUIRE(f.space.map_alloc(pages(0, 1), MappingFlags::Read, false, f.tlb).has_value());
  REQUIRE(f.space.map_alloc(pages(1, 1), kReadWrite, true, f.tlb).has_value());
  REQUIRE(f.space.map_linear(pages(2, 1), HostPhysAddr(0), kReadWrite, f.tlb).has_value());
  const auto fault = [&](std::uint64_t page, MappingFlags access) {
    return f.space.handle_page_fault(pages(page, 1).base + 4, access, f.tlb)->kind;
  };
  CHECK(fault(0, MappingFlags::Write) == Kind::Unhandled);  // more than the region permits
  CHECK(fault(0, MappingFlags::Read) == Kind::Mapped);
  CHECK(fault(0, MappingFlags::Read) == Kind::Resolved);  // another vCPU was faster
  CHECK(fault(1, MappingFlags::Execute) == Kind::Unhandled);
  CHECK(fault(2, MappingFlags::Execute) == Kind::Unhandled);
  CHECK(fault(3, MappingFlags::Read) == Kind::Unhandled);  // no region
  CHECK(f.space.handle_page_fault(GuestPhysAddr(~0ULL), MappingFlags::Read, f.tlb)->kind ==
        Kind::Unhandled);
}

TEST_CASE("unmap") {
  SpaceFixture f;
  const std::size_t before = f.hal.taken.size();
  REQUIRE(f.space.map_alloc(pages(0, 4), kReadWrite, true, f.tlb).has_value());
  REQUIRE(f.space.unmap(pages(0, 4), f.tlb).has_value());
  CHECK_FALSE(f.space.translate(GuestPhysAddr(kBase)).has_value());
  CHECK(f.hal.taken.size() == before);                   // the tables too
  CHECK(f.space.unmap(pages(0, 4), f.tlb).has_value());  // nothing there is no error
  CHECK(kind(f.space.unmap(range(kBase, 1), f.tlb)) == ErrorKind::InvalidInput);
}

TEST_CASE("clear") {
  SpaceFixture f;
  const std::size_t before = f.hal.taken.size();
  REQUIRE(f.space.map_alloc(pages(0, 4), kReadWrite, true, f.tlb).has_value());
  REQUIRE(f.space.map_linear(range(0, k1G), HostPhysAddr(0), kReadWrite, f.tlb).has_value());
  REQUIRE(f.space.unmap(f.space.reach(), f.tlb).has_value());
  CHECK(f.space.regions().empty());
  CHECK(f.hal.taken.size() == before);
}

TEST_CASE("translate") {
  SpaceFixture f;
  REQUIRE(f.space.map_linear(range(0, k2M), HostPhysAddr(k2M), kReadWrite, f.tlb).has_value());
  CHECK(f.leaf_size(GuestPhysAddr(0)) == k2M);
  CHECK(f.space.translate(GuestPhysAddr(0x12345)) == HostPhysAddr(k2M + 0x12345));
  CHECK_FALSE(f.space.translate(GuestPhysAddr(k2M)).has_value());
}

TEST_CASE("translated_byte_buffer") {
  SpaceFixture f;
  REQUIRE(f.space.map_alloc(pages(0, 2), kReadWrite, true, f.tlb).has_value());
  const auto visited = [&](GuestPhysRange r) {
    std::size_t total = 0;
    const auto add = [&](std::span<std::byte> bytes) { total += bytes.size(); };
    const auto done = f.space.visit(r, f.tlb, add);
    CHECK((done.has_value() || total == 0));
    return done ? std::optional(total) : std::nullopt;
  };
  CHECK(visited(range(kBase + 100, kPageSize)) == kPageSize);
  CHECK(visited(range(kBase, 2 * kPageSize)) == 2 * kPageSize);
  // Upstream ignored the offset in the region here, and panicked.
  CHECK_FALSE(visited(range(kBase + 1, 2 * kPageSize)).has_value());
  CHECK_FALSE(visited(range(kBase - 1, 2)).has_value());
}

TEST_CASE("translate_and_get_limit") {
  SpaceFixture f;
  REQUIRE(f.space.map_linear(pages(0, 4), HostPhysAddr(0x5000), kReadWrite, f.tlb).has_value());
  REQUIRE(f.space.map_alloc(pages(4, 2), kReadWrite, true, f.tlb).has_value());
  // What is left, where upstream gave the size of the region.
  const auto linear = f.space.translate_stretch(GuestPhysAddr(kBase + 0x1004));
  REQUIRE(linear.has_value());
  CHECK(linear->hpa == HostPhysAddr(0x6004));
  CHECK(linear->size == 0x4000 - 0x1004);
  CHECK(f.space.translate_stretch(pages(4, 1).base + 8)->size == kPageSize - 8);
  CHECK_FALSE(f.space.translate_stretch(pages(6, 1).base).has_value());
}

TEST_CASE("mapping_validation_errors_are_matchable") {
  SpaceFixture f;
  const auto linear = [&](GuestPhysRange r, std::uint64_t hpa, MappingFlags flags = kReadWrite) {
    return kind(f.space.map_linear(r, HostPhysAddr(hpa), flags, f.tlb));
  };
  CHECK(linear(range(1ULL << 48, kPageSize), 0) == ErrorKind::InvalidInput);
  CHECK(linear(range(kBase + 1, kPageSize), 0) == ErrorKind::InvalidInput);
  CHECK(linear(range(kBase, 1), 0) == ErrorKind::InvalidInput);
  CHECK(linear(pages(0, 1), 1) == ErrorKind::InvalidInput);
  CHECK(linear(pages(0, 1), 0, MappingFlags::User) == ErrorKind::InvalidInput);
  CHECK_FALSE(linear(pages(0, 4), 0));
  CHECK(linear(pages(3, 2), 0) == ErrorKind::AlreadyExists);
  CHECK(kind(f.space.map_alloc(pages(0, 1), kReadWrite, true, f.tlb)) == ErrorKind::AlreadyExists);
  CHECK(kind(f.space.map_identical(pages(9, 1), kReadWrite, f.tlb)) == ErrorKind::ResourceBusy);
}

TEST_CASE("basic_read_write_operations") {
  SpaceFixture f;
  REQUIRE(f.space.map_alloc(pages(0, 1), kReadWrite, true, f.tlb).has_value());
  const GuestPhysAddr at(kBase + 0x100);
  REQUIRE(f.space.write_object(at, std::uint32_t{0x1234'5678}, f.tlb).has_value());
  CHECK(*f.space.read_object<std::uint32_t>(at) == 0x1234'5678);
  CHECK(*f.space.read_object<std::uint8_t>(at) == 0x78);
  const auto bytes = some_bytes(300);
  REQUIRE(f.space.write(at + 1, bytes, f.tlb).has_value());
  std::vector<std::byte> back(bytes.size());
  REQUIRE(f.space.read(at + 1, back).has_value());
  CHECK(back == bytes);
}

TEST_CASE("two_vm_isolation") {
  SpaceFixture a;
  auto b = Space::try_make(a.hal, aarch64::kStage2FourLevels, 8);
  REQUIRE(a.space.map_alloc(pages(0, 1), kReadWrite, true, a.tlb).has_value());
  REQUIRE(b->map_alloc(pages(0, 1), kReadWrite, true, a.tlb).has_value());
  REQUIRE(a.space.write_object(GuestPhysAddr(kBase), std::uint64_t{1}, a.tlb).has_value());
  REQUIRE(b->write_object(GuestPhysAddr(kBase), std::uint64_t{2}, a.tlb).has_value());
  CHECK(*a.space.read_object<std::uint64_t>(GuestPhysAddr(kBase)) == 1);
  CHECK(*b->read_object<std::uint64_t>(GuestPhysAddr(kBase)) == 2);
}

TEST_CASE("cross_page_access") {
  SpaceFixture f;
  REQUIRE(f.space.map_alloc(pages(0, 1), kReadWrite, true, f.tlb).has_value());
  REQUIRE(f.space.map_alloc(pages(1, 1), kReadWrite, false, f.tlb).has_value());
  const auto bytes = some_bytes(16);
  REQUIRE(f.space.write(GuestPhysAddr(kBase + kPageSize - 8), bytes, f.tlb).has_value());
  std::vector<std::byte> back(16);
  REQUIRE(f.space.read(GuestPhysAddr(kBase + kPageSize - 8), back).has_value());
  CHECK(back == bytes);
}

TEST_CASE("region_boundary_edge_cases") {
  SpaceFixture f;
  REQUIRE(f.space.map_alloc(pages(0, 1), kReadWrite, true, f.tlb).has_value());
  const GuestPhysAddr end(kBase + kPageSize);
  CHECK(f.space.read_object<std::uint64_t>(end - 8).has_value());
  CHECK(kind(f.space.read_object<std::uint64_t>(end)) == ErrorKind::BadAddress);
  CHECK(kind(f.space.read_object<std::uint64_t>(end - 4)) == ErrorKind::InvalidInput);
  std::array<std::byte, 8> bytes{};
  CHECK(kind(f.space.read(end - 4, bytes)) == ErrorKind::BadAddress);
  CHECK(kind(f.space.write(end - 4, bytes, f.tlb)) == ErrorKind::BadAddress);
  CHECK(f.space.read(end, {}).has_value());  // nothing, nowhere
}

TEST_CASE("frame: alloc_dealloc_cycle") {
  FakeHal hal;
  for (int i = 0; i < 3; ++i) {
    auto reserve = FrameReserve<FakeHal>::try_make(hal, 5);
    REQUIRE(reserve.has_value());
    CHECK(hal.taken.size() == 5);
  }
  CHECK(hal.taken.empty());
}

TEST_CASE("frame: alloc_zero") {
  FakeHal hal;
  auto reserve = FrameReserve<FakeHal>::try_make(hal, 1);
  const HostPhysAddr frame = reserve->take();
  zero_frame(hal, frame);
  CHECK(is_filled(hal, frame, std::byte{0}));
  hal.deallocate_frame(frame);
}

// Upstream's PhysFrame::fill. Ours fill a frame with zeroes, as table or as memory.
TEST_CASE("frame: fill_operation") {
  FakeHal hal;
  const HostPhysAddr frame = *hal.allocate_frame();
  std::fill_n(hal.bytes(frame.value), kPageSize, std::byte{0xa5});
  std::fill_n(hal.bytes(frame.value) + kPageSize, kPageSize, std::byte{0x5a});
  zero_frame(hal, frame);
  CHECK(is_filled(hal, frame, std::byte{0}));
  CHECK(hal.bytes(frame.value)[kPageSize] == std::byte{0x5a});  // and nothing else
  hal.deallocate_frame(frame);
}

TEST_CASE("frame: fill_multiple_frames") {
  FakeHal hal;
  auto reserve = FrameReserve<FakeHal>::try_make(hal, 3);
  REQUIRE(reserve.has_value());
  std::array<HostPhysAddr, 3> frames{};
  for (HostPhysAddr& frame : frames) frame = reserve->take();
  for (std::size_t n = 0; n < frames.size(); ++n) {
    std::fill_n(hal.bytes(frames[n].value), kPageSize, static_cast<std::byte>(n + 1));
  }
  for (std::size_t n = 0; n < frames.size(); ++n) {
    CHECK(is_filled(hal, frames[n], static_cast<std::byte>(n + 1)));
  }
  for (const HostPhysAddr frame : frames) hal.deallocate_frame(frame);
}

// Upstream's PhysFrame may be uninitialized, and using it panics. Here nobody ever holds such a
// thing: a reserve that was moved from is empty, and gives back nothing twice.
TEST_CASE("frame: uninit_access") {
  FakeHal hal;
  {
    auto reserve = FrameReserve<FakeHal>::try_make(hal, 2);
    REQUIRE(reserve.has_value());
    const FrameReserve<FakeHal> moved = std::move(*reserve);
    CHECK(hal.taken.size() == 2);
  }
  CHECK(hal.taken.empty());
}

TEST_CASE("frame: alloc_no_memory") {
  FakeHal hal;
  hal.budget = 4;
  CHECK(kind(FrameReserve<FakeHal>::try_make(hal, 5)) == ErrorKind::NoMemory);
  CHECK(hal.taken.empty());
}
