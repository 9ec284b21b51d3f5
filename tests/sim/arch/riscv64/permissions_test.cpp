// Permissions of both stages, all of them, against the manual's sentences.

#include <doctest/doctest.h>

#include "leaf_permissions.hpp"
#include "world.hpp"

namespace axvm::sim::riscv64::test {
namespace {

bool is_leaf(std::uint64_t bits) { return (bits & (kR | kX)) != 0 && (bits & (kR | kW)) != kW; }

template <class F>
void for_each_context(F&& f) {
  for (const Access access : {Access::Load, Access::Store, Access::Fetch}) {
    for (unsigned n = 0; n < 32; ++n) {
      const AccessContext c{.access = access,
                            .user = (n & 1) != 0,
                            .sum = (n & 2) != 0,
                            .mxr = (n & 4) != 0,
                            .hs_mxr = (n & 8) != 0,
                            .hlvx = (n & 16) != 0 && access == Access::Load};
      f(c);
    }
  }
}

TEST_CASE("every leaf of the VS-stage permits what the manual says, walked and from the TLB") {
  constexpr std::uint64_t kVa = 0x7777'7000;
  World w;
  const std::uint64_t gpa = w.map_new(kVa);
  unsigned wrong = 0;
  for (std::uint64_t bits = kV; bits < 256; bits += 2) {
    if (!is_leaf(bits) || (bits & kG) != 0) continue;
    w.map(kVa, gpa, 0, bits);
    for_each_context([&](const AccessContext& c) {
      const bool expected = vs_allows(bits, c);
      const auto t = w.walk(kVa, c);
      wrong += t.has_value() != expected;
      wrong += !t && t.error().kind != FaultKind::Page;
      const auto cached = w.mmu.translate(kVa, c);
      wrong += cached.has_value() != expected;
      if (t) wrong += !t->permissions.allow(c.access);
    });
    w.mmu.fence_vs_stage(World::kVmid, std::nullopt, std::nullopt);
  }
  CHECK(wrong == 0);
}

TEST_CASE("every leaf of the G-stage permits what the manual says, walked and from the TLB") {
  World w({.vs_levels = 0});
  const std::uint64_t gpa = w.new_page();
  const std::uint64_t pa = w.pa_of(gpa);
  unsigned wrong = 0;
  for (std::uint64_t bits = kV; bits < 256; bits += 2) {
    if (!is_leaf(bits)) continue;
    w.map_g(gpa, pa, 0, bits);
    for_each_context([&](const AccessContext& c) {
      const bool expected = g_allows(bits, c);
      const auto t = w.walk(gpa, c);
      wrong += t.has_value() != expected;
      wrong += !t && t.error().kind != FaultKind::GuestPage;
      wrong += w.mmu.translate(gpa, c).has_value() != expected;
    });
    w.mmu.fence_g_stage(World::kVmid, std::nullopt);
  }
  CHECK(wrong == 0);
}

}  // namespace
}  // namespace axvm::sim::riscv64::test
