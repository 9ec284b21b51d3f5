#include <doctest/doctest.h>

#include "world.hpp"

namespace axvm::sim::aarch64::test {

namespace {

constexpr std::uint64_t kVa = 0x12'3456'7000;
constexpr std::uint64_t kBeyond = std::uint64_t{1} << 47;  // an output address bit beyond 44

Fault fault_of(World& world, std::uint64_t va = kVa, AccessContext context = {}) {
  const auto walked = world.walk(va, context);
  REQUIRE_FALSE(walked.has_value());
  // The TLB path reports the same, every time, and keeps nothing of it.
  const auto translated = world.mmu.translate(va, context);
  REQUIRE_FALSE(translated.has_value());
  CHECK(translated.error() == walked.error());
  CHECK(world.mmu.translate(va, context).error() == walked.error());
  CHECK(world.mmu.translate_without_side_effects(va, context).error() == walked.error());
  return walked.error();
}

void check_stage1(World& world, FaultKind kind, unsigned level) {
  CHECK(fault_of(world) == Fault{.kind = kind,
                                 .stage = 1,
                                 .level = static_cast<std::uint8_t>(level),
                                 .during_stage1_walk = false,
                                 .va = kVa,
                                 .ipa = 0});
}

void check_stage2(World& world, FaultKind kind, unsigned level, bool s1ptw, std::uint64_t ipa,
                  std::uint64_t va = kVa) {
  CHECK(fault_of(world, va) == Fault{.kind = kind,
                                     .stage = 2,
                                     .level = static_cast<std::uint8_t>(level),
                                     .during_stage1_walk = s1ptw,
                                     .va = va,
                                     .ipa = ipa});
}

}  // namespace

TEST_CASE("stage 1: an invalid descriptor is a translation fault of its level") {
  for (unsigned level = 0; level <= 3; ++level) {
    World world;
    world.map_new(kVa);
    world.slot1(kVa, level) = 0;
    check_stage1(world, FaultKind::Translation, level);
    world.slot1(kVa, level) = kPlain;  // bit 0 alone decides
    check_stage1(world, FaultKind::Translation, level);
  }
}

TEST_CASE("stage 1: blocks exist at levels 1 and 2 only") {
  for (const unsigned level : {0U, 3U}) {
    World world;
    world.map_new(kVa);
    world.slot1(kVa, level) = World::kGuestIpa | kPlain | 0b01;
    check_stage1(world, FaultKind::Translation, level);
  }
}

TEST_CASE("stage 1: an output beyond TCR_EL1.IPS is an address size fault") {
  for (unsigned level = 0; level <= 3; ++level) {
    World world;
    world.map_new(kVa);
    world.slot1(kVa, level) |= kBeyond;
    check_stage1(world, FaultKind::AddressSize, level);
  }
  for (const unsigned level : {1U, 2U}) {
    World world;
    world.map(kVa & ~(level_size(level) - 1), kBeyond, level);
    check_stage1(world, FaultKind::AddressSize, level);
  }
}

TEST_CASE("stage 1: a root beyond TCR_EL1.IPS is an address size fault of level 0") {
  World world{{.va_bits = 39}};
  world.map_new(kVa);
  world.mmu.registers().ttbr0_el1 |= kBeyond;
  check_stage1(world, FaultKind::AddressSize, 0);
}

TEST_CASE("stage 1: IPS narrower than the processor counts") {
  World world;
  world.map_new(kVa);
  world.slot1(kVa, 3) = World::leaf(std::uint64_t{1} << 32, 3, kPlain);
  world.mmu.registers().tcr_el1 &= ~(std::uint64_t{7} << 32);  // 32 bits
  check_stage1(world, FaultKind::AddressSize, 3);
}

TEST_CASE("stage 1: a clear access flag is an access flag fault of the leaf's level") {
  for (unsigned level = 1; level <= 3; ++level) {
    World world;
    world.map(kVa & ~(level_size(level) - 1), World::kGuestIpa, level, kSh);
    check_stage1(world, FaultKind::AccessFlag, level);
  }
}

TEST_CASE("stage 1: a permission fault names the leaf's level and precedes stage 2's faults") {
  for (unsigned level = 1; level <= 3; ++level) {
    World world;
    const std::uint64_t nowhere = 0x40'0000'0000;  // stage 2 has nothing there
    world.map(kVa & ~(level_size(level) - 1), nowhere, level, kPlain | kReadOnly);
    const Fault fault = fault_of(world, kVa, {.access = Access::Write, .el = 1});
    CHECK(fault.kind == FaultKind::Permission);
    CHECK(fault.stage == 1);
    CHECK(fault.level == level);
    CHECK(fault_of(world).stage == 2);
  }
}

TEST_CASE("stage 1: a table outside RAM is an external abort on the walk") {
  for (unsigned level = 1; level <= 3; ++level) {
    World world{{.stage2 = false}};
    world.map_new(kVa);
    world.slot1(kVa, level - 1) = 0x8'0000'0000 | kTable;
    check_stage1(world, FaultKind::ExternalAbortOnWalk, level);
  }
}

TEST_CASE("stage 1: addresses outside the translated range fault at level 0") {
  World world{{.va_bits = 39}};
  world.map_new(kVa);
  for (const std::uint64_t va : {std::uint64_t{1} << 39, std::uint64_t{1} << 47,
                                 std::uint64_t{0xffff'0000'0000'0000}, std::uint64_t{1} << 56}) {
    const Fault fault = fault_of(world, va);
    CHECK(fault.kind == FaultKind::Translation);
    CHECK(fault.stage == 1);
    CHECK(fault.level == 0);
    CHECK(fault.va == va);
  }
}

TEST_CASE("stage 1: EPD0 and EPD1 forbid walks") {
  World world;
  world.map_new(kVa);
  CHECK(world.walk(kVa).has_value());
  world.mmu.registers().tcr_el1 |= 1U << 23;
  CHECK(world.walk(kVa).has_value());
  CHECK(world.walk(kVa | 0xffff'0000'0000'0000).error().level == 0);
  world.mmu.registers().tcr_el1 |= 1U << 7;
  check_stage1(world, FaultKind::Translation, 0);
}

TEST_CASE("stage 1: sizes that the 4 KiB granule does not have fault at level 0") {
  World world;
  world.map_new(kVa & 0xff'ffff);
  for (const std::uint64_t size : {0U, 15U, 40U, 63U}) {
    world.mmu.registers().tcr_el1 = size | 16U << 16 | std::uint64_t{5} << 32;
    const Fault fault = fault_of(world, kVa & 0xff'ffff);
    CHECK(fault.kind == FaultKind::Translation);
    CHECK(fault.level == 0);
  }
}

TEST_CASE("stage 1 off: addresses wider than physical ones are an address size fault") {
  World world;
  world.mmu.registers().sctlr_el1 = 0;
  for (const std::uint64_t va : {std::uint64_t{1} << 44, ~std::uint64_t{0}}) {
    const Fault fault = fault_of(world, va);
    CHECK(fault.kind == FaultKind::AddressSize);
    CHECK(fault.stage == 1);
    CHECK(fault.level == 0);
  }
}

TEST_CASE("stage 2: every fault of the output address, at every level") {
  for (unsigned level = 0; level <= 3; ++level) {
    CAPTURE(level);
    // An address of its own, so that the tables' translations are not disturbed.
    const std::uint64_t ipa = 0x800'0000'0000 | (World::kGuestIpa + 0x123'4000);
    SUBCASE("invalid") {
      World world;
      world.map2(ipa, World::kGuestRam, 3);
      world.map(kVa, ipa, 3);
      world.slot2(ipa, level) = 0;
      check_stage2(world, FaultKind::Translation, level, false, ipa);
    }
    SUBCASE("beyond VTCR_EL2.PS") {
      World world;
      world.map2(ipa, World::kGuestRam, 3);
      world.map(kVa, ipa, 3);
      world.slot2(ipa, level) |= kBeyond;
      check_stage2(world, FaultKind::AddressSize, level, false, ipa);
    }
    SUBCASE("table outside RAM") {
      if (level == 0) return;
      World world;
      world.map2(ipa, World::kGuestRam, 3);
      world.map(kVa, ipa, 3);
      world.slot2(ipa, level - 1) = 0x8'0000'0000 | kTable;
      check_stage2(world, FaultKind::ExternalAbortOnWalk, level, false, ipa);
    }
    SUBCASE("access flag and permission") {
      if (level == 0) return;
      World world;
      world.map(kVa, ipa, 3);
      const std::uint64_t start = ipa & ~(level_size(level) - 1);
      world.map2(start, 0x4000'0000, level, kS2Plain & ~kAf);
      check_stage2(world, FaultKind::AccessFlag, level, false, ipa);
      world.map2(start, 0x4000'0000, level, kS2Plain & ~kS2Read);
      check_stage2(world, FaultKind::Permission, level, false, ipa);
    }
  }
}

TEST_CASE("stage 2: every fault of a stage-1 descriptor's address carries S1PTW and its IPA") {
  for (unsigned stage1_level = 0; stage1_level <= 3; ++stage1_level) {
    for (unsigned level = 0; level <= 3; ++level) {
      CAPTURE(stage1_level);
      CAPTURE(level);
      // Stage 1 goes through a table whose translation shares no stage-2 table with the others.
      const auto prepare = [&](World& world) {
        world.map_new(kVa);
        const std::uint64_t moved = 0x800'0000'0000 + World::kGuestIpa;
        const std::uint64_t shift = 39 - 9 * stage1_level;
        const std::uint64_t offset = ((kVa >> shift) & 511) * 8;
        std::uint64_t old = world.stage1_root();
        if (stage1_level > 0) {
          std::uint64_t& d = world.slot1(kVa, stage1_level - 1);
          old = d & 0xffff'ffff'f000;
          d = moved | kTable;
        } else {
          world.mmu.registers().ttbr0_el1 = moved;
        }
        world.map2(moved, world.pa_of(old), 3);
        return moved + offset;
      };
      {
        World world;
        const std::uint64_t ipa = prepare(world);
        REQUIRE(world.walk(kVa).has_value());
        world.slot2(ipa, level) = 0;
        check_stage2(world, FaultKind::Translation, level, true, ipa);
      }
      {
        World world;
        const std::uint64_t ipa = prepare(world);
        world.slot2(ipa, level) |= kBeyond;
        check_stage2(world, FaultKind::AddressSize, level, true, ipa);
      }
      if (level == 0) continue;
      {
        World world;
        const std::uint64_t ipa = prepare(world);
        world.slot2(ipa, level - 1) = 0x8'0000'0000 | kTable;
        check_stage2(world, FaultKind::ExternalAbortOnWalk, level, true, ipa);
      }
      for (const auto& [bits, kind] : {std::pair{kS2Plain & ~kAf, FaultKind::AccessFlag},
                                       std::pair{kS2Plain & ~kS2Read, FaultKind::Permission}}) {
        World world;
        const std::uint64_t ipa = prepare(world);
        world.map2(ipa & ~(level_size(level) - 1), World::kGuestRam, level, bits);
        check_stage2(world, kind, level, true, ipa);
      }
    }
  }
}

TEST_CASE("stage 2: blocks exist at levels 1 and 2 only") {
  for (const unsigned level : {0U, 3U}) {
    World world;
    const std::uint64_t ipa = 0x800'0000'0000;
    world.map(kVa, ipa, 3);
    world.slot2(ipa, level) = kS2Plain | 0b01;
    check_stage2(world, FaultKind::Translation, level, false, ipa);
  }
}

TEST_CASE("stage 2: addresses beyond VTCR_EL2.T0SZ fault at level 0") {
  World world{{.ipa_bits = 40, .stage2_start = 1}};
  const std::uint64_t ipa = std::uint64_t{1} << 40;
  world.map(kVa, ipa, 3);
  check_stage2(world, FaultKind::Translation, 0, false, ipa);
}

TEST_CASE("stage 2: T0SZ and SL0 that do not fit, and reserved ones, fault at level 0") {
  // Level 1 resolves 31..43 bits, level 2 25..34, level 0 40..44 (the physical address width).
  struct Case {
    unsigned bits;
    unsigned sl0;
    bool fits;
  };
  constexpr Case kCases[] = {{44, 2, true},  {40, 2, true}, {39, 2, false}, {45, 2, false},
                             {48, 2, false}, {43, 1, true}, {44, 1, false}, {31, 1, true},
                             {30, 1, false}, {34, 0, true}, {35, 0, false}, {25, 0, true},
                             {24, 0, false}, {40, 3, false}};
  for (const Case& c : kCases) {
    CAPTURE(c.bits);
    CAPTURE(c.sl0);
    World world;
    world.word(world.stage2_root()) = 0;
    world.mmu.registers().vtcr_el2 = (64 - c.bits) | c.sl0 << 6 | 5U << 16;
    NoObserver none;
    const auto result = world.mmu.walk_stage2(0, Access::Read, none);
    REQUIRE_FALSE(result.has_value());
    CHECK(result.error().kind == FaultKind::Translation);
    CHECK(result.error().level == (c.fits ? 2 - c.sl0 : 0));
  }
}

TEST_CASE("stage 2: a processor of 40 physical address bits has no level 0") {
  World world{{.features = {.pa_bits = 40}}};
  world.word(world.stage2_root()) = 0;
  NoObserver none;
  world.mmu.registers().vtcr_el2 = 24U | 2U << 6 | 5U << 16;
  CHECK(world.mmu.walk_stage2(0, Access::Read, none).error().level == 0);
  world.mmu.registers().vtcr_el2 = 24U | 1U << 6 | 5U << 16;
  CHECK(world.mmu.walk_stage2(0, Access::Read, none).error().level == 1);
}

TEST_CASE("stage 2: a root beyond VTCR_EL2.PS is an address size fault of level 0") {
  World world;
  world.map(kVa, World::kGuestIpa, 3);
  world.mmu.registers().vttbr_el2 |= kBeyond;
  NoObserver none;
  const auto result = world.mmu.walk_stage2(World::kGuestIpa, Access::Read, none);
  CHECK(result.error().kind == FaultKind::AddressSize);
  CHECK(result.error().level == 0);
}

TEST_CASE("HCR_EL2.PTW: stage-1 tables in Device memory are a permission fault") {
  World world;
  world.map_new(kVa);
  const std::uint64_t root = world.stage1_root();
  world.map2(root, world.pa_of(root), 3, kAf | kS2Read | kS2Write);  // MemAttr 0: Device-nGnRnE
  CHECK(world.walk(kVa).has_value());
  world.mmu.registers().hcr_el2 |= 1U << 2;
  check_stage2(world, FaultKind::Permission, 3, true, root + (kVa >> 39) * 8);
}

TEST_CASE("software's bits in table descriptors are not part of the address") {
  World world;
  const std::uint64_t ipa = world.map_new(kVa);
  for (unsigned level = 0; level < 3; ++level) {
    world.slot1(kVa, level) |= 0xffc | std::uint64_t{0x0f8} << 48;
    world.slot2(ipa, level) |= 0xffc | std::uint64_t{0xfff} << 48;
  }
  CHECK(world.walk(kVa)->ipa == ipa);
}

TEST_CASE("contiguous hints change nothing") {
  World world;
  const std::uint64_t ipa = world.map_new(kVa, kPlain | std::uint64_t{1} << 52);
  CHECK(world.walk(kVa)->ipa == ipa);
  CHECK(world.walk(kVa)->page_size == 4096);
  CHECK_FALSE(world.walk(kVa + 0x1000).has_value());
}

}  // namespace axvm::sim::aarch64::test
