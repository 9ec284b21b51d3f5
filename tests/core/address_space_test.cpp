#include <doctest/doctest.h>
#include <core/memory/address_space.hpp>
#include <tests/core/fake_hal.hpp>

using namespace axvm;
using namespace axvm::test;
using aarch64::kStage2FourLevels;
using Space = AddressSpace<aarch64::Stage2Format, FakeHal>;

namespace {

constexpr std::uint64_t kBase = 0x8000'0000;
constexpr std::uint64_t k2M = 2ULL << 20;

GuestPhysRange range(std::uint64_t base, std::uint64_t size) { return {GuestPhysAddr(base), size}; }
Result<Space> make_space(FakeHal& hal, std::size_t regions = 8) {
  return Space::try_make(hal, kStage2FourLevels, regions);
}
std::vector<std::byte> some_bytes(std::size_t n) {
  std::vector<std::byte> bytes(n);
  for (std::size_t i = 0; i < n; ++i) bytes[i] = static_cast<std::byte>(i * 7 + 1);
  return bytes;
}

}  // namespace

TEST_CASE("map_linear translates at a fixed distance and owns nothing") {
  FakeHal hal;
  FakeTlb tlb;
  {
    auto space = make_space(hal);
    REQUIRE(space->map_linear(range(kBase, k2M), HostPhysAddr(k2M), kReadWrite, tlb).has_value());
    CHECK(space->translate(GuestPhysAddr(kBase + 0x1234)) == HostPhysAddr(k2M + 0x1234));
    CHECK(space->translate(GuestPhysAddr(kBase + k2M - 1)) == HostPhysAddr(2 * k2M - 1));
    CHECK_FALSE(space->translate(GuestPhysAddr(kBase + k2M)).has_value());
  }
  CHECK(hal.balanced());
}

TEST_CASE("mapping errors tell what is wrong") {
  FakeHal hal;
  FakeTlb tlb;
  auto space = make_space(hal, 2);
  const auto linear = [&](GuestPhysRange r, std::uint64_t hpa) {
    const auto mapped = space->map_linear(r, HostPhysAddr(hpa), kReadWrite, tlb);
    return mapped ? std::optional<ErrorKind>() : mapped.error().kind;
  };
  CHECK(linear(range(kBase, 0), 0) == ErrorKind::InvalidInput);
  CHECK(linear(range(kBase + 1, kPageSize), 0) == ErrorKind::InvalidInput);
  CHECK(linear(range(kBase, kPageSize), 1) == ErrorKind::InvalidInput);
  CHECK(linear(range(1ULL << 48, kPageSize), 0) == ErrorKind::InvalidInput);
  CHECK(linear(range(kBase, 2 * kPageSize), ~0ULL - kPageSize + 1) == ErrorKind::InvalidInput);
  CHECK_FALSE(linear(range(kBase, 2 * kPageSize), 0x7fff'ffff'f000).has_value());
  CHECK(linear(range(kBase + kPageSize, kPageSize), 0) == ErrorKind::AlreadyExists);
  CHECK_FALSE(linear(range(kBase + k2M, kPageSize), 0).has_value());
  CHECK(linear(range(kBase + 2 * k2M, kPageSize), 0) == ErrorKind::NoMemory);
}

TEST_CASE("populated memory is there and zeroed; lazy memory comes when touched") {
  FakeHal hal;
  FakeTlb tlb;
  {
    auto space = make_space(hal);
    REQUIRE(space->map_alloc(range(kBase, 4 * kPageSize), kReadWrite, true, tlb).has_value());
    REQUIRE(
        space->map_alloc(range(kBase + k2M, 4 * kPageSize), kReadWrite, false, tlb).has_value());
    const auto there = space->translate(GuestPhysAddr(kBase + 3 * kPageSize));
    REQUIRE(there.has_value());
    CHECK(*hal.bytes(there->value) == std::byte{0});

    const GuestPhysAddr lazy(kBase + k2M + kPageSize + 8);
    CHECK_FALSE(space->translate(lazy).has_value());
    const std::size_t before = hal.taken.size();
    auto fault = space->handle_page_fault(lazy, MappingFlags::Write, tlb);
    REQUIRE(fault.has_value());
    CHECK(fault->kind == PageFaultOutcome::Kind::Mapped);
    CHECK(fault->gpa == lazy.align_down(kPageSize));
    CHECK(space->translate(lazy) == fault->hpa + 8);
    CHECK(*hal.bytes(fault->hpa.value) == std::byte{0});
    CHECK(hal.taken.size() == before + 2);  // the page and its last-level table
    fault = space->handle_page_fault(lazy, MappingFlags::Write, tlb);
    CHECK(fault->kind == PageFaultOutcome::Kind::Resolved);
  }
  CHECK(hal.balanced());
}

TEST_CASE("faults that memory does not explain stay unhandled") {
  FakeHal hal;
  FakeTlb tlb;
  auto space = make_space(hal);
  REQUIRE(space->map_alloc(range(kBase, kPageSize), MappingFlags::Read, false, tlb).has_value());
  const auto kind = [&](std::uint64_t gpa, MappingFlags access) {
    return space->handle_page_fault(GuestPhysAddr(gpa), access, tlb)->kind;
  };
  CHECK(kind(kBase, MappingFlags::Write) == PageFaultOutcome::Kind::Unhandled);
  CHECK(kind(kBase + kPageSize, MappingFlags::Read) == PageFaultOutcome::Kind::Unhandled);
  CHECK(kind(~0ULL, MappingFlags::Read) == PageFaultOutcome::Kind::Unhandled);
  CHECK(kind(kBase, MappingFlags::Read) == PageFaultOutcome::Kind::Mapped);
  hal.budget = 0;
  REQUIRE(space->map_linear(range(kBase + k2M, k2M), HostPhysAddr(0), kReadWrite, tlb).has_value());
}

TEST_CASE("identical memory is the host range of the same address, taken and given back") {
  FakeHal hal;
  FakeTlb tlb;
  {
    auto space = make_space(hal);
    const GuestPhysRange r = range(FakeHal::kRam + 64 * kPageSize, 32 * kPageSize);
    REQUIRE(space->map_identical(r, kReadWriteExecute, tlb).has_value());
    CHECK(space->translate(r.base) == HostPhysAddr(r.base.value));
    CHECK(*hal.bytes(r.base.value) == std::byte{0});
    const auto again = space->map_identical(r, kReadWriteExecute, tlb);
    CHECK(again.error().kind == ErrorKind::ResourceBusy);
  }
  CHECK(hal.balanced());
}

TEST_CASE("unmap shortens, splits and removes regions, and frees after flushing") {
  FakeHal hal;
  FakeTlb tlb;
  auto space = make_space(hal);
  REQUIRE(space->map_alloc(range(kBase, 8 * kPageSize), kReadWrite, true, tlb).has_value());
  const auto victim = space->translate(GuestPhysAddr(kBase + 3 * kPageSize));
  bool flushed_before_free = false;
  tlb.on_invalidate = [&](GuestPhysRange) {
    flushed_before_free = hal.taken.contains(victim->value);
  };
  REQUIRE(space->unmap(range(kBase + 3 * kPageSize, 2 * kPageSize), tlb).has_value());
  CHECK(flushed_before_free);
  CHECK_FALSE(hal.taken.contains(victim->value));
  REQUIRE(space->regions().size() == 2);
  CHECK(space->regions()[0].range == range(kBase, 3 * kPageSize));
  CHECK(space->regions()[1].range == range(kBase + 5 * kPageSize, 3 * kPageSize));
  CHECK(space->translate(GuestPhysAddr(kBase + 5 * kPageSize)).has_value());
  REQUIRE(space->unmap(range(0, 1ULL << 40), tlb).has_value());
  CHECK(space->regions().empty());
  CHECK_FALSE(space->translate(GuestPhysAddr(kBase)).has_value());
}

TEST_CASE("unmap that cannot split a block changes nothing") {
  FakeHal hal;
  FakeTlb tlb;
  auto space = make_space(hal);
  REQUIRE(space->map_linear(range(0, k2M), HostPhysAddr(0), kReadWrite, tlb).has_value());
  REQUIRE(space->map_linear(range(2 * k2M, k2M), HostPhysAddr(0), kReadWrite, tlb).has_value());
  hal.budget = 1;  // enough for one end of the range, not for both
  const auto failed = space->unmap(range(kPageSize, 2 * k2M), tlb);
  CHECK(failed.error().kind == ErrorKind::NoMemory);
  CHECK(space->regions().size() == 2);
  CHECK(space->translate(GuestPhysAddr(kPageSize)) == HostPhysAddr(kPageSize));
  CHECK(space->translate(GuestPhysAddr(2 * k2M)) == HostPhysAddr(0));
}

TEST_CASE("guest bytes cross pages and regions, and never leave memory") {
  FakeHal hal;
  FakeTlb tlb;
  auto space = make_space(hal);
  REQUIRE(space->map_alloc(range(kBase, 2 * kPageSize), kReadWrite, true, tlb).has_value());
  REQUIRE(space->map_alloc(range(kBase + 2 * kPageSize, 2 * kPageSize), kReadWrite, false, tlb)
              .has_value());
  const auto bytes = some_bytes(2 * kPageSize);
  const GuestPhysAddr at(kBase + kPageSize + 100);
  REQUIRE(space->write(at, bytes, tlb).has_value());
  std::vector<std::byte> back(bytes.size());
  REQUIRE(space->read(at, back).has_value());
  CHECK(back == bytes);

  // Upstream's translated_byte_buffer ignored the offset here and then panicked.
  CHECK(space->read(GuestPhysAddr(kBase + 3 * kPageSize + 1), std::span(back).first(kPageSize))
            .error()
            .kind == ErrorKind::BadAddress);
  CHECK(space->read(GuestPhysAddr(~0ULL - 5), back).error().kind == ErrorKind::BadAddress);
  CHECK(space->write(GuestPhysAddr(kBase - 1), bytes, tlb).error().kind == ErrorKind::BadAddress);
  CHECK(space->read(GuestPhysAddr(kBase), {}).has_value());
}

TEST_CASE("untouched lazy memory reads as zeroes without being backed") {
  FakeHal hal;
  FakeTlb tlb;
  auto space = make_space(hal);
  REQUIRE(space->map_alloc(range(kBase, 2 * kPageSize), kReadWrite, false, tlb).has_value());
  const std::size_t frames = hal.taken.size();
  auto bytes = some_bytes(kPageSize + 10);
  REQUIRE(space->read(GuestPhysAddr(kBase), bytes).has_value());
  CHECK(bytes == std::vector<std::byte>(bytes.size()));
  CHECK(hal.taken.size() == frames);
}

TEST_CASE("what the VMM writes for the guest is published past the caches") {
  FakeHal hal;
  FakeTlb tlb;
  auto space = make_space(hal);
  REQUIRE(space->map_alloc(range(kBase, 2 * kPageSize), kReadWrite, false, tlb).has_value());
  CHECK(tlb.data.empty());
  REQUIRE(space->write(GuestPhysAddr(kBase + 8), some_bytes(16), tlb).has_value());
  CHECK(hal.zeroed_bytes == kPageSize);  // which publishes the zeroes of the new page itself
  REQUIRE(tlb.data.size() == 1);
  CHECK(tlb.data[0].data() == hal.bytes(space->translate(GuestPhysAddr(kBase + 8))->value));
  CHECK(tlb.data[0].size() == 16);

  tlb.data.clear();
  std::vector<std::span<std::byte>> visited;
  const auto visitor = [&](std::span<std::byte> bytes) {
    CHECK(tlb.data.size() == visited.size());  // each span before the next is visited
    visited.push_back(bytes);
  };
  REQUIRE(space->visit(range(kBase, kPageSize), tlb, visitor).has_value());
  REQUIRE(visited.size() == 1);
  CHECK(tlb.data.back().data() == visited[0].data());
  CHECK(tlb.data.back().size() == visited[0].size());
}

TEST_CASE("visiting a range backs it and covers it exactly") {
  FakeHal hal;
  FakeTlb tlb;
  auto space = make_space(hal);
  REQUIRE(space->map_alloc(range(kBase, 16 * kPageSize), kReadWrite, false, tlb).has_value());
  std::size_t total = 0;
  std::size_t spans = 0;
  const auto visit = [&](std::span<std::byte> bytes) {
    total += bytes.size();
    ++spans;
  };
  const GuestPhysRange wanted = range(kBase + 5, 9 * kPageSize);
  REQUIRE(space->visit(wanted, tlb, visit).has_value());
  CHECK(total == wanted.size);
  CHECK(spans <= 10);
  CHECK(space->visit(range(kBase, 17 * kPageSize), tlb, visit).error().kind ==
        ErrorKind::BadAddress);
  CHECK(total == wanted.size);
}
