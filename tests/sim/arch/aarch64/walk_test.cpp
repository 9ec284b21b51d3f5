#include <doctest/doctest.h>

#include <algorithm>
#include <bit>
#include <iterator>
#include <tuple>

#include "world.hpp"

namespace axvm::sim::aarch64::test {

namespace {

constexpr std::uint64_t kVa = 0x12'3456'7000;

/// Descriptors read by a walk that reads `g` levels of stage 1 over `h` of stage 2.
constexpr std::size_t references(std::size_t g, std::size_t h) { return (g + 1) * (h + 1) - 1; }

struct Shape {
  unsigned bits;   // of input address
  unsigned start;  // level
  unsigned leaf;   // level
  [[nodiscard]] std::size_t levels() const { return leaf - start + 1; }
};

}  // namespace

TEST_CASE("a cold walk reads (g+1)(h+1)-1 descriptors") {
  constexpr Shape kStage1[] = {{48, 0, 3}, {48, 0, 2}, {48, 0, 1}, {39, 1, 3},
                               {39, 1, 2}, {39, 1, 1}, {30, 2, 3}, {30, 2, 2}};
  constexpr Shape kStage2[] = {{44, 0, 3}, {44, 0, 2}, {44, 0, 1}, {40, 1, 3}, {40, 1, 2},
                               {40, 1, 1}, {39, 1, 3}, {34, 2, 3}, {34, 2, 2}, {32, 2, 3}};
  for (const Shape& first : kStage1) {
    for (const Shape& second : kStage2) {
      CAPTURE(first.bits);
      CAPTURE(first.leaf);
      CAPTURE(second.bits);
      CAPTURE(second.leaf);
      World world{{.va_bits = first.bits,
                   .ipa_bits = second.bits,
                   .stage2_start = second.start,
                   .stage2_leaf = second.leaf}};
      const std::uint64_t va = kVa & ((1U << 30) - 1);
      const std::uint64_t block = World::kGuestIpa;  // 1 GiB aligned
      // The target of a large leaf: everything the walk needs of it is its first page.
      world.map(va & ~(level_size(first.leaf) - 1), block, first.leaf);
      if (second.leaf == 3) {
        const std::uint64_t ipa = block | (va & (level_size(first.leaf) - 1) & ~0xfffULL);
        world.map2(ipa, ipa - World::kGuestIpa + World::kGuestRam, 3);
      } else if (second.leaf == 2) {
        const std::uint64_t ipa = block | (va & (level_size(first.leaf) - 1) & ~0x1f'ffffULL);
        world.map2(ipa, ipa - World::kGuestIpa + World::kGuestRam, 2);
      }
      Recorder recorder;
      const auto translation = world.mmu.walk(va, {}, recorder);
      REQUIRE(translation.has_value());
      CHECK(recorder.steps.size() == references(first.levels(), second.levels()));
      CHECK(translation->ipa == (block | (va & (level_size(first.leaf) - 1))));
      CHECK(translation->pa == translation->ipa - World::kGuestIpa + World::kGuestRam);
      CHECK(translation->page_size == level_size(std::max(first.leaf, second.leaf)));
    }
  }
}

TEST_CASE("four levels over four are 24 references, over a concatenated 40-bit root 19") {
  for (const auto& [bits, start, expected] :
       {std::tuple{44U, 0U, std::size_t{24}}, std::tuple{40U, 1U, std::size_t{19}}}) {
    World world{{.ipa_bits = bits, .stage2_start = start}};
    world.map_new(kVa);
    Recorder recorder;
    REQUIRE(world.mmu.walk(kVa, {}, recorder).has_value());
    CHECK(recorder.steps.size() == expected);
    REQUIRE(world.mmu.translate(kVa, {}).has_value());
    CHECK(world.statistics.stage1_references == 4);
    CHECK(world.statistics.stage2_references == expected - 4);
    CHECK(world.statistics.walks == 1);
  }
}

TEST_CASE("without stage 2 a walk reads its own levels only") {
  World world{{.stage2 = false}};
  const std::uint64_t pa = world.map_new(kVa);
  Recorder recorder;
  const auto translation = world.mmu.walk(kVa + 0x123, {}, recorder);
  REQUIRE(translation.has_value());
  CHECK(recorder.steps.size() == 4);
  CHECK(translation->pa == pa + 0x123);
  CHECK(translation->ipa == pa + 0x123);
  CHECK(translation->page_size == 4096);
}

TEST_CASE("the second half of a concatenated root is found") {
  World world{{.ipa_bits = 40, .stage2_start = 1}};
  constexpr std::uint64_t kHighIpa = 0xc0'0000'0000;
  world.map2(kHighIpa, World::kGuestRam, 3);
  Recorder recorder;
  const auto translation = world.mmu.walk_stage2(kHighIpa + 8, Access::Read, recorder);
  REQUIRE(translation.has_value());
  CHECK(translation->pa == World::kGuestRam + 8);
  REQUIRE(recorder.steps.size() == 3);
  CHECK(recorder.steps[0].index == 768);
  CHECK(recorder.steps[0].index_high == 39);
  CHECK(recorder.steps[0].index_low == 30);
  CHECK(recorder.steps[0].descriptor_pa == world.stage2_root() + 768 * 8);
}

TEST_CASE("steps name level, table, index, descriptor and what they are for") {
  World world{{.va_bits = 39, .ipa_bits = 39, .stage2_start = 1}};
  const std::uint64_t ipa = world.map_new(kVa);
  Recorder recorder;
  REQUIRE(world.mmu.walk(kVa, {}, recorder).has_value());
  REQUIRE(recorder.steps.size() == 15);

  std::vector<WalkStep> stage1;
  std::ranges::copy_if(recorder.steps, std::back_inserter(stage1),
                       [](const WalkStep& s) { return s.stage == 1; });
  REQUIRE(stage1.size() == 3);
  CHECK(stage1[0].level == 1);
  CHECK(stage1[0].table == world.stage1_root());
  CHECK(stage1[0].index == kVa >> 30);
  CHECK(stage1[0].index_high == 38);
  CHECK(stage1[0].index_low == 30);
  CHECK(stage1[0].kind == WalkStep::Kind::Table);
  CHECK(stage1[2].level == 3);
  CHECK(stage1[2].kind == WalkStep::Kind::Page);
  CHECK(stage1[2].index_high == 20);
  CHECK(stage1[2].index_low == 12);
  CHECK(stage1[2].descriptor == World::leaf(ipa, 3, kPlain));
  for (const WalkStep& step : stage1) {
    CHECK(step.input == kVa);
    CHECK(step.descriptor_ipa == step.table + step.index * 8ULL);
    CHECK(step.descriptor_pa == world.pa_of(step.descriptor_ipa));
  }
  // Three stage-2 reads before each stage-1 read are for its descriptor, the last three for the
  // output address.
  for (std::size_t i = 0; i < recorder.steps.size(); ++i) {
    const WalkStep& step = recorder.steps[i];
    CHECK(step.stage == (i % 4 == 3 ? 1 : 2));
    if (step.stage == 2) {
      CHECK(step.during_stage1_walk == (i < 12));
      CHECK(step.input == (i < 12 ? stage1[i / 4].descriptor_ipa : ipa));
    }
  }
}

TEST_CASE("a root of less than 512 entries lies anywhere in its page") {
  World world{{.va_bits = 32, .stage2 = false}};
  const std::uint64_t ipa = world.new_page();
  const std::uint64_t table = world.new_page();
  // 32 bits start at level 1 with 4 entries: a root of 32 bytes.
  world.mmu.registers().ttbr0_el1 = table + 0x820;
  world.word(table + 0x820 + 2 * 8) = World::leaf(0x4000'0000, 1, kPlain);
  const auto translation = world.walk(0x8000'1000 + (ipa & 0xfff));
  REQUIRE(translation.has_value());
  CHECK(translation->pa == 0x4000'1000);
  CHECK(translation->page_size == 1U << 30);
}

TEST_CASE("TTBR1_EL1 translates addresses with ones on top") {
  World world;
  constexpr std::uint64_t kHigh = 0xffff'0000'0000'0000 | kVa;
  const std::uint64_t ipa = world.map_new(kVa);
  const std::uint64_t other = world.new_page();
  world.mmu.registers().ttbr0_el1 = other;  // an empty table
  const auto translation = world.walk(kHigh + 4);
  REQUIRE(translation.has_value());
  CHECK(translation->ipa == ipa + 4);
  CHECK_FALSE(world.walk(kVa).has_value());
}

TEST_CASE("the top byte is ignored where TCR_EL1.TBI says so") {
  World world;
  const std::uint64_t ipa = world.map_new(kVa);
  constexpr std::uint64_t kTagged = 0x5a00'0000'0000'0000;
  CHECK(world.walk(kVa | kTagged).error().kind == FaultKind::Translation);
  world.mmu.registers().tcr_el1 |= std::uint64_t{1} << 37;
  CHECK(world.walk(kVa | kTagged)->ipa == ipa);
  CHECK(world.mmu.translate(kVa | kTagged, {})->ipa == ipa);
  CHECK(world.mmu.translate(kVa, {})->ipa == ipa);
  CHECK(world.statistics.tlb_hits == 1);
  // TBI1 is separate: bit 55 selects it.
  CHECK(world.walk((kVa | kTagged) | 0x00ff'0000'0000'0000).error().level == 0);
}

TEST_CASE("with SCTLR_EL1.M clear addresses go through stage 2 only") {
  World world;
  const std::uint64_t ipa = world.new_page();
  world.mmu.registers().sctlr_el1 = 0;
  Recorder recorder;
  const auto translation = world.mmu.walk(ipa + 8, {.access = Access::Fetch, .el = 1}, recorder);
  REQUIRE(translation.has_value());
  CHECK(recorder.steps.size() == 4);
  CHECK(translation->pa == world.pa_of(ipa) + 8);
  CHECK(translation->executable);
  CHECK(translation->writable);
  CHECK(translation->device);
  // HCR_EL2.DC: stage 1 stays off whatever SCTLR_EL1.M says, memory is Normal, stage 2 is on.
  world.mmu.registers().sctlr_el1 = 1;
  world.mmu.registers().hcr_el2 = 1U << 12;
  CHECK(world.walk(ipa)->pa == world.pa_of(ipa));
  CHECK_FALSE(world.walk(ipa)->device);
}

TEST_CASE("everything off is the identity") {
  World world{{.stage2 = false}};
  world.mmu.registers().sctlr_el1 = 0;
  CHECK(world.mmu.translate(0x1234, {})->pa == 0x1234);
  CHECK(world.mmu.tlb().size() == 0);
}

TEST_CASE("EE makes stage 1 read its descriptors big-endian") {
  World world{{.va_bits = 30, .stage2 = false}};
  const std::uint64_t ipa = world.map_new(0x1000);
  std::uint64_t& table = world.slot1(0x1000, 2);
  std::uint64_t& page = world.slot1(0x1000, 3);
  table = std::byteswap(table);
  page = std::byteswap(page);
  CHECK_FALSE(world.walk(0x1000).has_value());
  world.mmu.registers().sctlr_el1 |= 1U << 25;
  CHECK(world.walk(0x1000)->pa == ipa);
}

}  // namespace axvm::sim::aarch64::test
