// The first cases are upstream's, by name.
#include <doctest/doctest.h>
#include <core/memory/layout.hpp>
#include <tests/core/fake_hal.hpp>

using namespace axvm;
using namespace axvm::test;

namespace {

constexpr GuestPhysRange kSpace{GuestPhysAddr(0), 0x1'0000};

GuestPhysRange range(std::uint64_t base, std::uint64_t size) { return {GuestPhysAddr(base), size}; }
PassthroughWindow window(std::uint64_t gpa, std::uint64_t hpa, std::uint64_t size) {
  return {range(gpa, size), HostPhysAddr(hpa)};
}
PassthroughWindow identity(std::uint64_t gpa, std::uint64_t size) { return window(gpa, gpa, size); }

struct Plan {
  explicit Plan(AddressSpacePolicy policy, std::size_t capacity = 8)
      : planner(std::move(*LayoutPlanner::try_make(Allocator::of(hal), policy, kSpace, capacity))) {
  }
  std::vector<PassthroughWindow> windows() {
    const auto planned = planner.windows();
    REQUIRE(planned.has_value());
    return {planned->begin(), planned->end()};
  }
  std::optional<ErrorKind> reserve(GuestPhysRange r, OwnerKind kind) {
    const auto done = planner.reserve(r, kind);
    return done ? std::nullopt : std::optional(done.error().kind);
  }
  std::optional<ErrorKind> pass(PassthroughWindow w) {
    const auto done = planner.pass_through(w);
    return done ? std::nullopt : std::optional(done.error().kind);
  }

  FakeHal hal;
  LayoutPlanner planner;
};
using Windows = std::vector<PassthroughWindow>;
constexpr auto kVirtualized = AddressSpacePolicy::Virtualized;
constexpr auto kPassthrough = AddressSpacePolicy::Passthrough;

}  // namespace

TEST_CASE("virtualized_policy_only_maps_explicit_passthrough") {
  Plan plan(kVirtualized);
  CHECK(plan.windows().empty());
  CHECK_FALSE(plan.pass(window(0x2000, 0x9000, 0x1000)));
  CHECK(plan.windows() == Windows{window(0x2000, 0x9000, 0x1000)});
}

TEST_CASE("passthrough_policy_punches_memory_and_emulated_mmio_holes") {
  Plan plan(kPassthrough);
  CHECK_FALSE(plan.reserve(range(0x2000, 0x2000), OwnerKind::Memory));
  CHECK_FALSE(plan.reserve(range(0x8000, 0x1000), OwnerKind::EmulatedDevice));
  CHECK(plan.windows() ==
        Windows{identity(0, 0x2000), identity(0x4000, 0x4000), identity(0x9000, 0x7000)});
}

TEST_CASE("passthrough_identity_device_does_not_refill_emulated_mmio_hole") {
  Plan plan(kPassthrough);
  CHECK_FALSE(plan.reserve(range(0x8000, 0x1000), OwnerKind::EmulatedDevice));
  CHECK_FALSE(plan.pass(identity(0x8000, 0x1000)));
  CHECK(plan.windows() == Windows{identity(0, 0x8000), identity(0x9000, 0x7000)});
}

TEST_CASE("passthrough_policy_punches_reserved_regions") {
  Plan plan(kPassthrough);
  CHECK_FALSE(plan.reserve(range(0x3000, 0x2000), OwnerKind::Reserved));
  CHECK(plan.windows() == Windows{identity(0, 0x3000), identity(0x5000, 0xb000)});
}

TEST_CASE("reserved_host_device_range_can_contain_an_emulated_device") {
  Plan plan(kPassthrough);
  CHECK_FALSE(plan.reserve(range(0x8000, 0x1000), OwnerKind::Reserved));
  CHECK_FALSE(plan.reserve(range(0x8080, 0x100), OwnerKind::EmulatedDevice));
  CHECK(plan.windows() == Windows{identity(0, 0x8000), identity(0x9000, 0x7000)});
}

TEST_CASE("passthrough_device_uses_base_hpa_and_keeps_non_contiguous_mappings_split") {
  Plan plan(kVirtualized);
  CHECK_FALSE(plan.pass(window(0x1000, 0x9000, 0x1000)));
  CHECK_FALSE(plan.pass(window(0x2000, 0xb000, 0x1000)));
  CHECK(plan.windows() == Windows{window(0x1000, 0x9000, 0x1000), window(0x2000, 0xb000, 0x1000)});
}

TEST_CASE("duplicate_explicit_passthrough_ranges_are_merged_when_linear_mapping_matches") {
  Plan plan(kVirtualized);
  CHECK_FALSE(plan.pass(window(0x1000, 0x9000, 0x2000)));
  CHECK_FALSE(plan.pass(window(0x2000, 0xa000, 0x2000)));
  CHECK(plan.windows() == Windows{window(0x1000, 0x9000, 0x3000)});
}

TEST_CASE("passthrough_address_is_identity_and_unaligned_ranges_are_expanded") {
  Plan plan(kVirtualized);
  CHECK_FALSE(plan.pass(identity(0x1803, 0x20)));
  CHECK(plan.windows() == Windows{identity(0x1000, 0x1000)});
}

TEST_CASE("invalid_and_conflicting_ranges_are_rejected") {
  Plan plan(kVirtualized);
  CHECK(plan.pass(identity(0x1000, 0)) == ErrorKind::InvalidInput);
  CHECK(plan.pass(window(0x1000, 0x2004, 0x1000)) == ErrorKind::InvalidInput);
  CHECK(plan.pass(identity(0xf000, 0x1001)) == ErrorKind::InvalidInput);
  CHECK(plan.pass(window(0x1000, ~0ULL - 0xfff, 0x1001)) == ErrorKind::InvalidInput);
  CHECK(plan.pass(identity(~0ULL, 2)) == ErrorKind::InvalidInput);
  CHECK(plan.reserve(range(0xf000, 0x2000), OwnerKind::Memory) == ErrorKind::InvalidInput);

  CHECK_FALSE(plan.reserve(range(0x2000, 0x1000), OwnerKind::Memory));
  CHECK(plan.pass(identity(0x2000, 0x1000)) == ErrorKind::AlreadyExists);
  CHECK(plan.reserve(range(0x2800, 0x10), OwnerKind::EmulatedDevice) == ErrorKind::AlreadyExists);
  CHECK_FALSE(plan.pass(window(0x3000, 0x9000, 0x1000)));
  CHECK(plan.pass(window(0x3000, 0xa000, 0x1000)) == ErrorKind::AlreadyExists);
  CHECK(plan.reserve(range(0x3ff8, 8), OwnerKind::EmulatedDevice) == ErrorKind::AlreadyExists);
  CHECK(plan.windows() == Windows{window(0x3000, 0x9000, 0x1000)});
}

TEST_CASE("a boot description lies within memory, and nowhere else of what is owned") {
  Plan plan(kVirtualized);
  CHECK_FALSE(plan.reserve(range(0x2000, 0x2000), OwnerKind::Memory));
  CHECK_FALSE(plan.reserve(range(0x2100, 0x200), OwnerKind::BootDescription));
  CHECK(plan.reserve(range(0x3f00, 0x200), OwnerKind::BootDescription) == ErrorKind::AlreadyExists);
}

TEST_CASE("the tail of an unaligned window is not lost") {
  // Upstream rounded the length up, which reaches too short when the base is not aligned.
  Plan plan(kVirtualized);
  CHECK_FALSE(plan.pass(window(0x1ff0, 0x8ff0, 0x1000)));
  CHECK(plan.windows() == Windows{window(0x1000, 0x8000, 0x2000)});
}

TEST_CASE("windows join across several, in any order") {
  Plan plan(kVirtualized);
  CHECK_FALSE(plan.pass(window(0x6000, 0x6000, 0x1000)));
  CHECK_FALSE(plan.pass(window(0x2000, 0x2000, 0x1000)));
  CHECK_FALSE(plan.pass(window(0x9000, 0x1000, 0x1000)));
  CHECK_FALSE(plan.pass(window(0x2800, 0x2800, 0x4000)));
  CHECK_FALSE(plan.pass(window(0x1000, 0x1000, 0x1000)));  // touches
  CHECK(plan.windows() == Windows{identity(0x1000, 0x6000), window(0x9000, 0x1000, 0x1000)});
}

TEST_CASE("the identity window shows no host RAM, and yields to windows that lead elsewhere") {
  Plan plan(kPassthrough);
  CHECK_FALSE(plan.pass(window(0x1000, 0xc000, 0x1000)));
  REQUIRE(plan.planner.hide(range(0x4000, 0x4000)).has_value());
  CHECK_FALSE(plan.reserve(range(0x5000, 0x1000), OwnerKind::Memory));
  REQUIRE(plan.planner.hide(range(0xf000, 0x10'0000)).has_value());
  CHECK(plan.windows() == Windows{identity(0, 0x1000), window(0x1000, 0xc000, 0x1000),
                                  identity(0x2000, 0x2000), identity(0x8000, 0x7000)});
}

TEST_CASE("a planner without room, or without memory, says so") {
  Plan plan(kVirtualized, 1);
  CHECK_FALSE(plan.pass(identity(0x1000, 1)));
  CHECK(plan.pass(identity(0x3000, 1)) == ErrorKind::NoMemory);
  CHECK(plan.reserve(range(0x3000, 1), OwnerKind::Memory) == ErrorKind::NoMemory);
  CHECK(plan.planner.hide(range(0x3000, 0x1000)).error().kind == ErrorKind::NoMemory);
  plan.hal.budget = 0;
  CHECK(plan.planner.windows().error().kind == ErrorKind::NoMemory);
  for (std::size_t budget = 0; budget < 3; ++budget) {
    plan.hal.budget = budget;
    CHECK(LayoutPlanner::try_make(Allocator::of(plan.hal), kVirtualized, kSpace, 4).error().kind ==
          ErrorKind::NoMemory);
  }
}
