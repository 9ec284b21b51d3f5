// Permissions of both stages, all of them, against the manual's sentences.

#include <doctest/doctest.h>

#include "world.hpp"

namespace axvm::sim::riscv64::test {
namespace {

/// "Virtual Address Translation Process", steps 5 to 9, and Svade; sentence by sentence.
bool vs_allows(std::uint64_t bits, const AccessContext& c) {
  const bool u = (bits & kU) != 0;
  // VU-mode may access the page only when U=1.
  if (c.user && !u) return false;
  // VS-mode may not execute code on pages with U=1, and access data there if SUM is set only.
  if (!c.user && u && (c.access == Access::Fetch || !c.sum)) return false;
  switch (c.access) {
    case Access::Fetch:
      if ((bits & kX) == 0) return false;
      break;
    case Access::Store:
      if ((bits & kW) == 0) return false;
      break;
    case Access::Load: {
      // HLVX: execute permission takes the place of read permission.
      if (c.hlvx) {
        if ((bits & kX) == 0) return false;
        break;
      }
      // MXR: loads from pages marked either readable or executable succeed.
      const bool executable_counts = (c.mxr || c.hs_mxr) && (bits & kX) != 0;
      if ((bits & kR) == 0 && !executable_counts) return false;
      break;
    }
  }
  // A clear, or D clear and a store: a page fault.
  return (bits & kA) != 0 && (c.access != Access::Store || (bits & kD) != 0);
}

/// "Guest Physical Address Translation": as if from U-mode; vsstatus.MXR is the VS-stage's alone.
bool g_allows(std::uint64_t bits, AccessContext c) {
  c.user = true;
  c.mxr = false;
  return vs_allows(bits, c);
}

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
