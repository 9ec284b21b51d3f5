// Walks, explained: what is said is what the walker did, and what the TLB holds.

#include <doctest/doctest.h>
#include <rapidcheck.h>

#include <cstring>
#include <explain/aarch64/walk_page.hpp>
#include <explain/aarch64/walk_text.hpp>

using namespace axvm::explain::aarch64;
using axvm::sim::PhysicalMemory;
using axvm::sim::Statistics;
using axvm::sim::aarch64::Mmu;

namespace {

/// RAM at 2 GiB; stage 2 with 39 bits maps its first 2 MiB to itself, stage 1 with 39 bits VA
/// 0x403000 to the page at 0x80007000.
struct World {
  static constexpr std::uint64_t kRam = 0x8000'0000;
  static constexpr std::uint64_t kLeaf2 = kRam + 0x2000 + 7 * 8;

  World() {
    put(kRam + 2 * 8, kRam + 0x1003);
    put(kRam + 0x1000, kRam + 0x2003);
    for (std::uint64_t n = 0; n < 16; ++n) put(kRam + 0x2000 + n * 8, (kRam + n * 0x1000) | 0x7ff);
    put(kRam + 0x3000, kRam + 0x4003);
    put(kRam + 0x4000 + 2 * 8, kRam + 0x5003);
    put(kRam + 0x5000 + 3 * 8, (kRam + 0x7000) | 0x703);
    mmu.registers() = {.sctlr_el1 = 1,
                       .tcr_el1 = 0x80'0019,
                       .ttbr0_el1 = kRam + 0x3000,
                       .mair_el1 = 0xff,
                       .hcr_el2 = 1,
                       .vtcr_el2 = 0x5'0059,
                       .vttbr_el2 = 5ULL << 48 | kRam};
  }
  void put(std::uint64_t pa, std::uint64_t word) { std::memcpy(memory.at(pa), &word, 8); }

  PhysicalMemory memory = *PhysicalMemory::create(std::array{PhysicalMemory::Bank{kRam, 0x10000}});
  Statistics statistics;
  Mmu mmu{memory, 64, statistics, {.pa_bits = 48, .hierarchical_disable = true, .vmid16 = true}};
};

const WalkQuestion kQuestion{.address = 0x403123};

bool contains(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

std::string joined(const std::vector<std::string>& lines) {
  std::string text;
  for (const std::string& line : lines) text += line + "\n";
  return text;
}

}  // namespace

TEST_CASE("explain: three levels over three are 15 reads, each with its index and its purpose") {
  const World world;
  const ExplainedWalk told = walk(world.mmu, kQuestion);
  REQUIRE(told.result.has_value());
  CHECK(told.result->pa == 0x8000'7123);
  REQUIRE(told.reads.size() == 15);
  CHECK(told.cycles() == 4 + 15 * 12);
  unsigned nested = 0;
  for (const WalkRead& read : told.reads) {
    const WalkStep& step = read.step;
    nested += read.for_stage1_level ? 1 : 0;
    CHECK(read.for_stage1_level.has_value() == step.during_stage1_walk);
    // The bits that are said to choose the entry do.
    const auto fields = address_fields(told, read);
    const auto lit =
        std::ranges::find(fields.ranges, step.index_low, &std::pair<unsigned, unsigned>::second);
    REQUIRE(lit != fields.ranges.end());
    CHECK(lit->first == step.index_high);
    CHECK((step.input >> lit->second & ((2ULL << (lit->first - lit->second)) - 1)) == step.index);
    CHECK(step.table + step.index * 8 == step.descriptor_ipa);
  }
  CHECK(nested == 9);
  CHECK(told.reads[4].for_stage1_level == 2);
  const std::string text = walk_text(told, false);
  CHECK(contains(text, "VA  000000000 [000000010] 000000011 000100100011"));
  CHECK(contains(text, "8. stage 1 level 2"));
  CHECK(contains(text, "Result: IPA 0x80007123, PA 0x80007123; Normal, write-back"));
}

TEST_CASE("explain: a profile's caches say what each read costs") {
  const World world;
  axvm::sim::timing::HierarchyProfile caches;
  caches.caches[0] = {.lines = 64, .ways = 4, .cycles = 3};
  caches.memory_cycles = 100;
  const ExplainedWalk told = walk(world.mmu, kQuestion, &caches);
  std::uint64_t sum = 0;
  std::set<std::uint64_t> lines;
  for (const WalkRead& read : told.reads) {
    const bool cold = lines.insert(read.step.descriptor_pa >> 6).second;
    CHECK(read.cost.cycles == (cold ? 100 : 3));
    CHECK(read.cost.served_by == (cold ? "memory" : "L1"));
    CHECK(read.cost.cycles_so_far == (sum += read.cost.cycles));
  }
  CHECK(lines.size() < told.reads.size());
}

TEST_CASE("explain: a translation that the tables no longer say is called stale") {
  World world;
  CHECK(contains(joined(tlb_lines(walk(world.mmu, kQuestion))), "miss"));
  REQUIRE(world.mmu.translate(kQuestion.address, {}).has_value());
  const ExplainedWalk fresh = walk(world.mmu, kQuestion);
  REQUIRE(fresh.tlb.size() == 2);
  CHECK(contains(joined(tlb_lines(fresh)), "hit: VMID 5, global, VA 0x403000"));
  CHECK(contains(joined(tlb_lines(fresh)), "hit: stage 2, VMID 5, IPA 0x80007000"));
  CHECK_FALSE(contains(joined(tlb_lines(fresh)), "stale"));

  world.put(World::kLeaf2, (World::kRam + 0x8000) | 0x7ff);
  const ExplainedWalk stale = walk(world.mmu, kQuestion);
  CHECK(stale.result->pa == 0x8000'8123);
  CHECK(contains(joined(tlb_lines(stale)), "hit, and stale"));
  world.mmu.tlbi_vmalls12e1(5);
  CHECK(contains(joined(tlb_lines(walk(world.mmu, kQuestion))), "miss"));
}

TEST_CASE("explain: a fault is told with the registers that it would leave") {
  World world;
  const auto told = [&world](const WalkQuestion& question) {
    return joined(result_lines(walk(world.mmu, question)));
  };
  CHECK(contains(told({.address = 0x404000}), "translation fault, level 3 of stage 1, for a read"));
  CHECK(contains(told({.address = 0x404000}), "ESR_EL1 = 0x96000007"));
  world.put(World::kLeaf2, 0);
  const std::string text = told({.address = 0x403123, .access = Access::Write});
  CHECK(contains(text, "translation fault, level 3 of stage 2, for a write"));
  CHECK(contains(text, "ESR_EL2 = 0x92000047, FAR_EL2 = 0x403123, HPFAR_EL2 = 0x800070"));
  world.put(World::kRam + 0x2000 + 5 * 8, 0);
  CHECK(contains(told(kQuestion), "a stage-1 descriptor in the page at IPA 0x80005000"));
}

TEST_CASE("explain: the page has every read, and no text of it can end the script") {
  const World world;
  const std::string page = walk_page(walk(world.mmu, kQuestion), "</script> & <b>", world.memory);
  CHECK(contains(page, "<h1>&lt;/script&gt; &amp; &lt;b&gt;</h1>"));
  CHECK_FALSE(contains(page, "</script> & <b>"));
  CHECK(contains(page, R"("title":"stage 1 level 3")"));
}
