// What the strict TLB remembers, and what each fence makes it forget.

#include <doctest/doctest.h>

#include <optional>

#include "world.hpp"

namespace axvm::sim::riscv64::test {
namespace {

constexpr std::uint64_t kVa = 0x12'3456'7000;
constexpr std::uint16_t kVmid = World::kVmid;
constexpr std::uint16_t kAsid = World::kAsid;

/// Where an address leads through the TLB; nothing when it faults.
std::optional<std::uint64_t> look(World& w, std::uint64_t va, Access access = Access::Load) {
  const auto t = w.mmu.translate(va, {.access = access});
  return t ? std::optional(t->gpa) : std::nullopt;
}

TEST_CASE("a translation is remembered until a fence, whatever the tables say since") {
  World w;
  const std::uint64_t old = w.map_new(kVa);
  CHECK(look(w, kVa) == old);
  const std::uint64_t now = w.map_new(kVa);
  CHECK(look(w, kVa) == old);
  SUBCASE("of all") { w.mmu.fence_vs_stage(kVmid, std::nullopt, std::nullopt); }
  SUBCASE("of its address") { w.mmu.fence_vs_stage(kVmid, kVa + 8, std::nullopt); }
  SUBCASE("of its address space") { w.mmu.fence_vs_stage(kVmid, std::nullopt, kAsid); }
  SUBCASE("of both") { w.mmu.fence_vs_stage(kVmid, kVa, kAsid); }
  SUBCASE("of a range") { w.mmu.fence_vs_stage(kVmid, kVa - 0x3000, 0x3001, kAsid); }
  SUBCASE("of a range that is everything") { w.mmu.fence_vs_stage(kVmid, 0, ~0ULL, std::nullopt); }
  CHECK(look(w, kVa) == now);
}

TEST_CASE("other fences leave it alone") {
  World w;
  const std::uint64_t old = w.map_new(kVa);
  CHECK(look(w, kVa) == old);
  w.map_new(kVa);
  w.mmu.fence_vs_stage(kVmid + 1, std::nullopt, std::nullopt);
  w.mmu.fence_vs_stage(kVmid, kVa + 0x1000, std::nullopt);
  w.mmu.fence_vs_stage(kVmid, kVa, kAsid + 1);
  w.mmu.fence_vs_stage(kVmid, std::nullopt, kAsid + 1);
  w.mmu.fence_vs_stage(kVmid, kVa - 0x3000, 0x3000, std::nullopt);
  w.mmu.fence_g_stage(kVmid + 1, std::nullopt);
  w.mmu.fence_g_stage(kVmid, old + 0x1000);
  CHECK(look(w, kVa) == old);
}

TEST_CASE("faults and clean pages") {
  World w;
  CHECK_FALSE(look(w, kVa));
  const std::uint64_t gpa = w.map_new(kVa, kPlain & ~kD);
  CHECK(look(w, kVa) == gpa);  // the fault was not remembered
  CHECK_FALSE(look(w, kVa, Access::Store));
  w.map(kVa, gpa);
  CHECK_FALSE(look(w, kVa, Access::Store));  // but the clean entry is
  w.mmu.fence_vs_stage(kVmid, kVa, kAsid);
  CHECK(look(w, kVa, Access::Store) == gpa);
}

TEST_CASE("entries are of their address space, unless they are global") {
  World w;
  const std::uint64_t own = w.map_new(kVa);
  const std::uint64_t shared = w.map_new(kVa + 0x1000, kPlain | kG);
  CHECK(look(w, kVa) == own);
  CHECK(look(w, kVa + 0x1000) == shared);
  const std::uint64_t later = w.map_new(kVa);
  const std::uint64_t shared_later = w.map_new(kVa + 0x1000, kPlain | kG);
  w.set_asid(kAsid + 1);
  CHECK(look(w, kVa) == later);
  CHECK(look(w, kVa + 0x1000) == shared);
  w.mmu.fence_vs_stage(kVmid, kVa + 0x1000, kAsid);  // not what is global
  w.mmu.fence_vs_stage(kVmid, std::nullopt, kAsid);
  CHECK(look(w, kVa + 0x1000) == shared);
  w.mmu.fence_vs_stage(kVmid, kVa + 0x1000, std::nullopt);
  CHECK(look(w, kVa + 0x1000) == shared_later);
}

TEST_CASE("a global pointer makes everything below global") {
  World w;
  const std::uint64_t old = w.map_new(kVa);
  w.vs_slot(kVa, 1) |= kG;
  CHECK(look(w, kVa) == old);
  w.map_new(kVa);
  w.set_asid(kAsid + 1);
  CHECK(look(w, kVa) == old);
}

TEST_CASE("entries are of their VM") {
  World w;
  const std::uint64_t old = w.map_new(kVa, kPlain | kG);
  CHECK(look(w, kVa) == old);
  const std::uint64_t now = w.map_new(kVa);
  w.mmu.registers().hgatp ^= 1ULL << 44;
  CHECK(look(w, kVa) == now);
  w.mmu.registers().hgatp ^= 1ULL << 44;
  CHECK(look(w, kVa) == old);
}

TEST_CASE("HFENCE.GVMA of an address drops what was made from it, in both stages") {
  World w;
  const std::uint64_t gpa = w.map_new(kVa);
  const std::uint64_t other = w.map_new(kVa + 0x1000);
  const auto pa = [&](std::uint64_t va) { return w.mmu.translate(va, {})->pa; };
  const std::uint64_t first = pa(kVa);
  const std::uint64_t second = pa(kVa + 0x1000);
  const std::uint64_t moved = World::kGuestRam + 0x3000'0000;
  w.map_g(gpa, moved);
  w.map_g(other, moved + 0x1000);
  CHECK(pa(kVa) == first);
  w.mmu.fence_g_stage(kVmid, gpa + 0x10);
  CHECK(pa(kVa) == moved);
  CHECK(pa(kVa + 0x1000) == second);
  w.mmu.fence_g_stage(kVmid, gpa & ~0xffffULL, 0x20000);
  CHECK(pa(kVa + 0x1000) == moved + 0x1000);
}

TEST_CASE("HFENCE.VVMA leaves the G-stage's own entries") {
  World w;
  const std::uint64_t gpa = w.map_new(kVa);
  const std::uint64_t pa = w.mmu.translate(kVa, {})->pa;
  w.map_g(gpa, World::kGuestRam + 0x3000'0000);
  w.mmu.fence_vs_stage(kVmid, std::nullopt, std::nullopt);
  CHECK(w.mmu.translate(kVa, {})->pa == pa);
}

TEST_CASE("a fence of one address drops every fragment of its large leaf") {
  World w;
  const std::uint64_t start = kVa & ~0x1f'ffffULL;
  const std::uint64_t gpa = 0x8040'0000;
  for (unsigned n = 0; n < 4; ++n) {
    w.map_g(gpa + n * 0x1000, World::kGuestRam + 0x40'0000 + n * 0x1000);
  }
  w.map(start, gpa, 1);
  for (unsigned n = 0; n < 4; ++n) CHECK(look(w, start + n * 0x1000) == gpa + n * 0x1000);
  w.vs_slot(start, 1) = 0;
  CHECK(look(w, start + 0x3000));
  w.mmu.fence_vs_stage(kVmid, start + 0x1000, std::nullopt);
  for (unsigned n = 0; n < 4; ++n) CHECK_FALSE(look(w, start + n * 0x1000));
}

TEST_CASE("what is asked ahead of time leaves no trace") {
  World w;
  const std::uint64_t gpa = w.map_new(kVa);
  const AccessContext fetch{.access = Access::Fetch};
  CHECK_FALSE(w.mmu.translate_ahead(kVa, fetch));
  CHECK(w.mmu.tlb().size() == 0);
  CHECK(w.statistics.walks == 0);
  CHECK(look(w, kVa) == gpa);
  REQUIRE(w.mmu.translate_ahead(kVa, fetch));
  CHECK(w.mmu.translate_ahead(kVa, fetch)->gpa == gpa);
  w.map(kVa, gpa, 0, kPlain & ~kX);
  w.mmu.fence_vs_stage(kVmid, std::nullopt, std::nullopt);
  CHECK(look(w, kVa) == gpa);
  CHECK_FALSE(w.mmu.translate_ahead(kVa, fetch));
}

TEST_CASE("the oldest entry goes when there is no room, and is counted") {
  World w({.vs_levels = 0, .tlb_capacity = 2});
  const std::uint64_t a = w.new_page();
  const std::uint64_t b = w.new_page();
  const std::uint64_t c = w.new_page();
  for (const std::uint64_t gpa : {a, b, c}) CHECK(look(w, gpa) == gpa);
  CHECK(w.mmu.tlb().size() == 2);
  CHECK(w.statistics.tlb_evictions == 1);
  w.g_slot(a, 0) = 0;
  w.g_slot(b, 0) = 0;
  CHECK_FALSE(look(w, a));
  CHECK(look(w, b) == b);
}

}  // namespace
}  // namespace axvm::sim::riscv64::test
