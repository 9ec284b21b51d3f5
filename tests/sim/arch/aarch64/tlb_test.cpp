#include <doctest/doctest.h>

#include <vector>

#include "world.hpp"

namespace axvm::sim::aarch64::test {

namespace {

constexpr std::uint64_t kVa = 0x12'3456'7000;
constexpr std::uint16_t kVmid = World::kVmid;

std::uint64_t ipa_of(World& world, std::uint64_t va = kVa) {
  return world.mmu.translate(va, {}).value().ipa;
}

struct Counts {
  std::size_t combined = 0;
  std::size_t stage2 = 0;
};
Counts counts(const World& world) {
  Counts result;
  world.mmu.tlb().for_each(
      [&](TlbTag tag, const TlbEntry&) { ++(tag.kind() == 2 ? result.stage2 : result.combined); });
  return result;
}

}  // namespace

TEST_CASE("a translation is remembered until it is invalidated") {
  World world;
  const std::uint64_t old = world.map_new(kVa);
  CHECK(ipa_of(world) == old);
  const std::uint64_t fresh = world.new_page();
  world.map(kVa, fresh, 3);
  CHECK(ipa_of(world) == old);  // no TLBI: stale, every time
  CHECK(ipa_of(world) == old);
  CHECK(world.walk(kVa)->ipa == fresh);
  world.mmu.tlbi_vae1(kVmid, 0, kVa);
  CHECK(ipa_of(world) == fresh);
}

TEST_CASE("each stage-1 invalidation drops what it names and no more") {
  constexpr std::uint64_t kGlobalVa = kVa + 0x1000;
  struct Case {
    const char* name;
    void (*invalidate)(Mmu&);
    bool drops_asid1;
    bool drops_asid2;
    bool drops_global;
  };
  constexpr Case kCases[] = {
      {"VMALLE1", [](Mmu& m) { m.tlbi_vmalle1(kVmid); }, true, true, true},
      {"VMALLE1 of another VM", [](Mmu& m) { m.tlbi_vmalle1(kVmid + 1); }, false, false, false},
      {"ASIDE1", [](Mmu& m) { m.tlbi_aside1(kVmid, 1); }, true, false, false},
      {"VAE1", [](Mmu& m) { m.tlbi_vae1(kVmid, 1, kVa); }, true, false, false},
      {"VAE1 of a global", [](Mmu& m) { m.tlbi_vae1(kVmid, 1, kGlobalVa); }, false, false, true},
      {"VAE1 elsewhere", [](Mmu& m) { m.tlbi_vae1(kVmid, 1, kVa + 0x2000); }, false, false, false},
      {"VALE1", [](Mmu& m) { m.tlbi_vale1(kVmid, 2, kVa); }, false, true, false},
      {"VAAE1", [](Mmu& m) { m.tlbi_vaae1(kVmid, kVa); }, true, true, false},
      {"VAALE1", [](Mmu& m) { m.tlbi_vaale1(kVmid, kGlobalVa); }, false, false, true},
      {"VMALLS12E1", [](Mmu& m) { m.tlbi_vmalls12e1(kVmid); }, true, true, true},
      {"ALLE1", [](Mmu& m) { m.tlbi_alle1(); }, true, true, true},
  };
  for (const Case& c : kCases) {
    CAPTURE(c.name);
    World world;
    const std::uint64_t old = world.map_new(kVa, kPlain | kNotGlobal);
    const std::uint64_t old_global = world.map_new(kGlobalVa);
    for (const std::uint16_t asid : {std::uint16_t{1}, std::uint16_t{2}}) {
      world.set_asid(asid);
      CHECK(ipa_of(world) == old);
      CHECK(ipa_of(world, kGlobalVa) == old_global);
    }
    CHECK(counts(world).combined == 3);
    const std::uint64_t fresh = world.new_page();
    world.map(kVa, fresh, 3, kPlain | kNotGlobal);
    world.map(kGlobalVa, fresh, 3);
    c.invalidate(world.mmu);
    world.set_asid(1);
    CHECK((ipa_of(world) == fresh) == c.drops_asid1);
    world.set_asid(2);
    CHECK((ipa_of(world) == fresh) == c.drops_asid2);
    CHECK((ipa_of(world, kGlobalVa) == fresh) == c.drops_global);
  }
}

TEST_CASE("the ASID is TTBR0_EL1's or TTBR1_EL1's, of 8 or 16 bits") {
  World world;
  Registers& r = world.mmu.registers();
  r.ttbr0_el1 |= std::uint64_t{0x1234} << 48;
  r.ttbr1_el1 |= std::uint64_t{0x5678} << 48;
  CHECK(world.mmu.asid() == 0x34);
  r.tcr_el1 |= std::uint64_t{1} << 36;
  CHECK(world.mmu.asid() == 0x1234);
  r.tcr_el1 |= 1U << 22;
  CHECK(world.mmu.asid() == 0x5678);
}

TEST_CASE("VMIDs have 8 bits unless FEAT_VMID16 and VTCR_EL2.VS say 16") {
  for (const bool implemented : {false, true}) {
    World world{{.features = {.vmid16 = implemented}}};
    Registers& r = world.mmu.registers();
    r.vttbr_el2 = std::uint64_t{0x1234} << 48;
    CHECK(world.mmu.vmid() == 0x34);
    r.vtcr_el2 |= 1U << 19;
    CHECK(world.mmu.vmid() == (implemented ? 0x1234 : 0x34));
  }
}

TEST_CASE("VMs do not see each other's translations") {
  World world;
  const std::uint64_t old = world.map_new(kVa);
  CHECK(ipa_of(world) == old);
  const std::uint64_t fresh = world.new_page();
  world.map(kVa, fresh, 3);
  world.mmu.registers().vttbr_el2 ^= std::uint64_t{1} << 48;
  CHECK(ipa_of(world) == fresh);
  world.mmu.registers().vttbr_el2 ^= std::uint64_t{1} << 48;
  CHECK(ipa_of(world) == old);
}

TEST_CASE("IPAS2E1 drops stage-2 entries only: a missing VMALLE1 shows the old page") {
  World world;
  const std::uint64_t ipa = world.map_new(kVa);
  const std::uint64_t old = world.mmu.translate(kVa, {})->pa;
  const std::uint64_t fresh = World::kGuestRam + 0x3fff'f000;
  world.map2(ipa, fresh, 3);
  world.mmu.tlbi_ipas2e1(kVmid, ipa);
  CHECK(world.mmu.translate(kVa, {})->pa == old);
  world.mmu.tlbi_vmalle1(kVmid);
  CHECK(world.mmu.translate(kVa, {})->pa == fresh);
}

TEST_CASE("VMALLE1 without IPAS2E1 shows the old page, too") {
  World world;
  const std::uint64_t ipa = world.map_new(kVa);
  const std::uint64_t old = world.mmu.translate(kVa, {})->pa;
  world.map2(ipa, World::kGuestRam + 0x3fff'f000, 3);
  world.mmu.tlbi_vmalle1(kVmid);
  CHECK(world.mmu.translate(kVa, {})->pa == old);
  world.mmu.tlbi_vmalls12e1(kVmid);
  CHECK(world.mmu.translate(kVa, {})->pa == World::kGuestRam + 0x3fff'f000);
}

TEST_CASE("stage-2 entries serve the fetches of stage-1 descriptors") {
  World world;
  world.map_new(kVa);
  world.map_new(kVa + 0x1000);
  CHECK(world.mmu.translate(kVa, {}).has_value());
  CHECK(world.statistics.stage2_references == 20);
  CHECK(world.mmu.translate(kVa + 0x1000, {}).has_value());
  CHECK(world.statistics.stage1_references == 8);
  CHECK(world.statistics.stage2_references == 24);  // the output address only
  CHECK(counts(world).combined == 2);
  CHECK(counts(world).stage2 == 6);  // four tables, two pages
}

TEST_CASE("with stage 1 off only stage-2 entries are made and used") {
  World world;
  const std::uint64_t ipa = world.new_page();
  world.map_new(ipa);  // a stage-1 mapping of the same number, remembered
  const std::uint64_t through_stage1 = world.mmu.translate(ipa, {})->pa;
  world.mmu.registers().sctlr_el1 = 0;
  CHECK(world.mmu.translate(ipa, {})->pa == world.pa_of(ipa));
  CHECK(world.mmu.translate(ipa, {})->pa != through_stage1);
  CHECK(counts(world).combined == 1);
  world.map2(ipa, World::kGuestRam, 3);
  CHECK(world.mmu.translate(ipa, {})->pa == world.pa_of(ipa));
  world.mmu.tlbi_vmalle1(kVmid);
  CHECK(world.mmu.translate(ipa, {})->pa == world.pa_of(ipa));
  world.mmu.tlbi_ipas2e1(kVmid, ipa);
  CHECK(world.mmu.translate(ipa, {})->pa == World::kGuestRam);
}

TEST_CASE("an entry is as large as the smaller leaf") {
  struct Case {
    unsigned stage1;
    unsigned stage2;
  };
  for (const Case c : {Case{2, 2}, Case{2, 3}, Case{3, 2}, Case{1, 2}, Case{2, 1}, Case{1, 1}}) {
    CAPTURE(c.stage1);
    CAPTURE(c.stage2);
    World world{{.stage2_leaf = c.stage2}};
    const std::uint64_t size1 = level_size(c.stage1);
    world.map(kVa & ~(size1 - 1), World::kGuestIpa, c.stage1);
    const std::uint64_t ipa = World::kGuestIpa | (kVa & (size1 - 1));
    const std::uint64_t start2 = ipa & ~(level_size(c.stage2) - 1);
    world.map2(start2, start2 - World::kGuestIpa + World::kGuestRam, c.stage2);
    const auto translation = world.mmu.translate(kVa + 0x123, {});
    REQUIRE(translation.has_value());
    const std::uint64_t size = level_size(std::max(c.stage1, c.stage2));
    CHECK(translation->page_size == size);
    // Every address of the block hits and is translated as a walk does.
    const std::uint64_t base = kVa & ~(size - 1);
    for (const std::uint64_t offset : {std::uint64_t{0}, size / 2, size - 1}) {
      CHECK(world.mmu.translate(base + offset, {}) == world.walk(base + offset));
    }
    CHECK(world.statistics.tlb_hits == 3);
    CHECK(world.statistics.tlb_misses == 1);
  }
}

TEST_CASE("TLBI by address drops every fragment of a stage-1 block that covers it") {
  World world;
  constexpr std::uint64_t kBlock = 0x12'3440'0000;
  constexpr unsigned kPages = 100;
  world.map(kBlock, World::kGuestIpa + 0x40'0000, 2);
  world.map(kBlock + 0x20'0000, World::kGuestIpa + 0x40'0000, 2);
  for (unsigned i = 0; i < kPages; ++i) {
    world.map2(World::kGuestIpa + 0x40'0000 + i * 0x1000, World::kGuestRam + 0x40'0000 + i * 0x1000,
               3);
    CHECK(world.mmu.translate(kBlock + i * 0x1000, {})->page_size == 4096);
    CHECK(world.mmu.translate(kBlock + 0x20'0000 + i * 0x1000, {})->page_size == 4096);
  }
  CHECK(counts(world).combined == 2 * kPages);
  world.mmu.tlbi_vae1(kVmid, 0, kBlock + 0x1f'f000);  // a page of the block that was never used
  CHECK(counts(world).combined == kPages);
  const auto misses = world.statistics.tlb_misses;
  for (unsigned i = 0; i < kPages; ++i) {
    CHECK(world.mmu.translate(kBlock + 0x20'0000 + i * 0x1000, {}).has_value());
  }
  CHECK(world.statistics.tlb_misses == misses);
}

TEST_CASE("faults and clear access flags are not remembered") {
  World world;
  const std::uint64_t ipa = world.map_new(kVa, kSh);
  CHECK(world.mmu.translate(kVa, {}).error().kind == FaultKind::AccessFlag);
  CHECK(counts(world).combined == 0);
  world.map(kVa, ipa, 3);
  CHECK(ipa_of(world) == ipa);
  // Neither is stage 2's.
  const std::uint64_t other = world.map_new(kVa + 0x1000);
  world.slot2(other, 3) &= ~kAf;
  CHECK(world.mmu.translate(kVa + 0x1000, {}).error().kind == FaultKind::AccessFlag);
  world.slot2(other, 3) |= kAf;
  CHECK(ipa_of(world, kVa + 0x1000) == other);
}

TEST_CASE("a remembered permission stays until its TLBI") {
  World world;
  const std::uint64_t ipa = world.map_new(kVa, kPlain | kReadOnly);
  CHECK(ipa_of(world) == ipa);
  world.map(kVa, ipa, 3);
  const auto denied = world.mmu.translate(kVa, {.access = Access::Write});
  CHECK(denied.error() ==
        Fault{.kind = FaultKind::Permission, .stage = 1, .level = 3, .va = kVa, .ipa = 0});
  world.mmu.tlbi_vaae1(kVmid, kVa);
  CHECK(world.mmu.translate(kVa, {.access = Access::Write}).has_value());
}

TEST_CASE("translation without side effects uses the TLB and leaves no trace") {
  World world;
  const std::uint64_t old = world.map_new(kVa);
  CHECK(world.mmu.translate_without_side_effects(kVa, {})->ipa == old);
  CHECK(world.mmu.tlb().size() == 0);
  CHECK(ipa_of(world) == old);
  const Statistics before = world.statistics;
  const auto size = world.mmu.tlb().size();
  world.map(kVa, world.new_page(), 3);
  CHECK(world.mmu.translate_without_side_effects(kVa, {})->ipa == old);
  CHECK(world.mmu.translate_without_side_effects(kVa + 0x1000, {}).has_value() == false);
  CHECK(world.mmu.tlb().size() == size);
  CHECK(world.statistics.tlb_hits == before.tlb_hits);
  CHECK(world.statistics.tlb_misses == before.tlb_misses);
  CHECK(world.statistics.walks == before.walks);
  CHECK(world.statistics.stage1_references == before.stage1_references);
}

TEST_CASE("a full TLB forgets its oldest entry and counts it") {
  constexpr unsigned kCapacity = 16;
  World world{{.stage2 = false, .tlb_capacity = kCapacity}};
  for (unsigned i = 0; i < 40; ++i) {
    world.map_new(kVa + i * 0x1000);
    CHECK(world.mmu.translate(kVa + i * 0x1000, {}).has_value());
    // A hit does not make an entry younger.
    CHECK(world.mmu.translate(kVa + (i < kCapacity ? 0 : i - kCapacity + 1) * 0x1000, {})
              .has_value());
  }
  CHECK(world.statistics.tlb_evictions == 40 - kCapacity);
  CHECK(world.statistics.tlb_misses == 40);
  std::vector<std::uint64_t> inputs;
  world.mmu.tlb().for_each([&](TlbTag, const TlbEntry& e) { inputs.push_back(e.input); });
  REQUIRE(inputs.size() == kCapacity);
  for (unsigned i = 0; i < kCapacity; ++i) CHECK(inputs[i] == kVa + (40 - kCapacity + i) * 0x1000);
}

TEST_CASE("a TLB of one entry still translates") {
  World world{{.tlb_capacity = 1}};
  const std::uint64_t ipa = world.map_new(kVa);
  CHECK(ipa_of(world) == ipa);
  CHECK(ipa_of(world) == ipa);
  CHECK(world.mmu.tlb().size() == 1);
  CHECK(world.statistics.tlb_hits == 1);
}

namespace {

/// Records all fields, or writes recorded ones back.
class Tape final : public StateVisitor {
 public:
  bool restoring = false;
  std::vector<std::uint64_t> values;

  void rewind() {
    restoring = true;
    at_ = 0;
  }
  void enter(std::string_view, std::uint64_t) override {}
  void leave() override {}
  void field(std::string_view, std::uint64_t& value) override {
    if (restoring) {
      value = values.at(at_++);
    } else {
      values.push_back(value);
    }
  }
  void bytes(std::string_view, std::span<std::byte>) override {}

 private:
  std::size_t at_ = 0;
};

}  // namespace

TEST_CASE("a restored MMU goes on as the saved one") {
  constexpr unsigned kPages = 20;
  const auto prepare = [](World& world) {
    for (unsigned i = 0; i < kPages; ++i) {
      world.map_new(kVa + i * 0x1000, kPlain | (i % 2 == 0 ? kNotGlobal : 0));
    }
  };
  const auto touch = [](World& world, unsigned first, unsigned end) {
    for (unsigned i = first; i < end; ++i) {
      CHECK(world.mmu.translate(kVa + i * 0x1000, {}).has_value());
    }
  };
  World world{{.tlb_capacity = 24}};
  World other{{.tlb_capacity = 24}};
  prepare(world);
  prepare(other);
  touch(world, 0, 15);
  touch(other, 7, 9);
  Tape tape;
  world.mmu.describe(tape);
  tape.rewind();
  other.mmu.describe(tape);
  // The same entries are evicted from now on.
  touch(world, 5, kPages);
  touch(other, 5, kPages);
  Tape one;
  Tape two;
  world.mmu.describe(one);
  other.mmu.describe(two);
  CHECK(one.values == two.values);
}

TEST_CASE("a damaged snapshot leaves a TLB that works") {
  struct Damage final : StateVisitor {
    void enter(std::string_view, std::uint64_t) override {}
    void leave() override {}
    void field(std::string_view name, std::uint64_t& value) override {
      if (name == where) value = what;
    }
    void bytes(std::string_view, std::span<std::byte>) override {}
    std::string_view where;
    std::uint64_t what = 0;
  };
  const struct {
    std::string_view field;
    std::uint64_t value;
    std::uint32_t most_entries;
  } damages[] = {{"entries", ~std::uint64_t{0}, 24},
                 {"stage2_level", 200, 0},
                 {"tag", std::uint64_t{1} << 60, 0}};
  for (const auto& d : damages) {
    CAPTURE(d.field);
    World world{{.tlb_capacity = 24}};
    world.map_new(kVa);
    CHECK(world.mmu.translate(kVa, {}).has_value());
    Damage damage;
    damage.where = d.field;
    damage.what = d.value;
    world.mmu.describe(damage);
    CHECK(world.mmu.tlb().size() <= d.most_entries);
    CHECK(world.mmu.translate(kVa, {}).has_value());
  }
}

TEST_CASE("describing changes nothing") {
  World world;
  world.map_new(kVa);
  CHECK(world.mmu.translate(kVa, {}).has_value());
  Tape first;
  world.mmu.describe(first);
  Tape second;
  world.mmu.describe(second);
  CHECK(first.values == second.values);
  CHECK(world.mmu.translate(kVa, {}).has_value());
  CHECK(world.statistics.tlb_hits == 1);
}

}  // namespace axvm::sim::aarch64::test
