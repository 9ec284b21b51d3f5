// RISC-V's walks, explained: what is said is what the walker did, and what the TLB holds.

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <explain/riscv64/walk_page.hpp>
#include <explain/riscv64/walk_text.hpp>
#include <set>

using namespace axvm::explain::riscv64;
using axvm::sim::PhysicalMemory;
using axvm::sim::Statistics;
using axvm::sim::riscv64::Mmu;

namespace {

constexpr std::uint64_t kPointer = 0x01;
constexpr std::uint64_t kLeaf = 0xcf;   // D, A, X, W, R, V
constexpr std::uint64_t kGLeaf = 0xdf;  // and U
constexpr std::uint64_t kClean = 0x4f;  // without D

/// RAM at 2 GiB; the G-stage (Sv39x4) maps its first 64 KiB to itself, the VS-stage (Sv39) GVA
/// 0x403000 to the page at 0x80007000.
struct World {
  static constexpr std::uint64_t kRam = 0x8000'0000;
  static constexpr std::uint64_t kGLeaf7 = kRam + 0x5000 + 7 * 8;

  World() {
    put(kRam + 2 * 8, entry(kRam + 0x4000, kPointer));
    put(kRam + 0x4000, entry(kRam + 0x5000, kPointer));
    for (std::uint64_t n = 0; n < 16; ++n) {
      put(kRam + 0x5000 + n * 8, entry(kRam + n * 0x1000, kGLeaf));
    }
    put(kRam + 0x8000, entry(kRam + 0x9000, kPointer));
    put(kRam + 0x9000 + 2 * 8, entry(kRam + 0xa000, kPointer));
    put(kRam + 0xa000 + 3 * 8, entry(kRam + 0x7000, kLeaf));
    put(kRam + 0xa000 + 4 * 8, entry(kRam + 0x6000, kClean));
    mmu.registers() = {.vsatp = 8ULL << 60 | 3ULL << 44 | (kRam + 0x8000) >> 12,
                       .hgatp = 8ULL << 60 | 5ULL << 44 | kRam >> 12};
  }
  static std::uint64_t entry(std::uint64_t address, std::uint64_t bits) {
    return address >> 12 << 10 | bits;
  }
  void put(std::uint64_t pa, std::uint64_t word) { std::memcpy(memory.at(pa), &word, 8); }

  PhysicalMemory memory = *PhysicalMemory::create(std::array{PhysicalMemory::Bank{kRam, 0x10000}});
  Statistics statistics;
  Mmu mmu{memory, 64, statistics};
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

TEST_CASE("explain: Sv39 over Sv39x4 are 15 reads, each with its index and its purpose") {
  const World world;
  const ExplainedWalk told = walk(world.mmu, kQuestion);
  REQUIRE(told.result.has_value());
  CHECK(told.result->pa == 0x8000'7123);
  REQUIRE(told.reads.size() == 15);
  CHECK(told.cycles() == 4 + 15 * 12);
  unsigned implicit = 0;
  for (const WalkRead& read : told.reads) {
    const WalkStep& step = read.step;
    implicit += read.for_vs_level ? 1 : 0;
    CHECK(read.for_vs_level.has_value() == step.implicit);
    // The bits that are said to choose the entry do.
    const auto fields = address_fields(told, read);
    const auto lit =
        std::ranges::find(fields.ranges, step.index_low, &std::pair<unsigned, unsigned>::second);
    REQUIRE(lit != fields.ranges.end());
    CHECK(lit->first == step.index_high);
    CHECK((step.input >> lit->second & ((2ULL << (lit->first - lit->second)) - 1)) == step.index);
    CHECK(step.table + step.index * 8 == step.entry_gpa);
  }
  CHECK(implicit == 9);
  CHECK(told.reads[0].for_vs_level == 2);
  CHECK(told.reads[4].for_vs_level == 1);
  const std::string text = walk_text(told, false);
  CHECK(contains(text, "GVA 000000000 [000000010] 000000011 000100100011"));
  CHECK(contains(text, "GPA [00000000010] 000000000 000001000 000000000000"));
  CHECK(contains(text, "8. VS-stage level 1"));
  CHECK(contains(text, "Result: GPA 0x80007123, PA 0x80007123; memory type"));
  CHECK(contains(text, "VS-mode may: rwx."));
}

TEST_CASE("explain: a profile's caches say what each read of RISC-V's tables costs") {
  const World world;
  axvm::sim::timing::HierarchyProfile caches;
  caches.caches[0] = {.lines = 64, .ways = 4, .cycles = 3};
  caches.memory_cycles = 100;
  const ExplainedWalk told = walk(world.mmu, kQuestion, &caches);
  std::set<std::uint64_t> lines;
  for (const WalkRead& read : told.reads) {
    const bool cold = lines.insert(read.step.entry_pa >> 6).second;
    CHECK(read.cost.cycles == (cold ? 100 : 3));
  }
  CHECK(lines.size() < told.reads.size());
}

TEST_CASE("explain: a translation that RISC-V's tables no longer say is called stale") {
  World world;
  CHECK(contains(joined(tlb_lines(walk(world.mmu, kQuestion))), "miss"));
  REQUIRE(world.mmu.translate(kQuestion.address, {}).has_value());
  const ExplainedWalk fresh = walk(world.mmu, kQuestion);
  REQUIRE(fresh.tlb.size() == 2);
  CHECK(contains(joined(tlb_lines(fresh)), "hit: VMID 5, ASID 3, GVA 0x403000"));
  CHECK(contains(joined(tlb_lines(fresh)), "hit: G-stage, VMID 5, GPA 0x80007000"));
  CHECK_FALSE(contains(joined(tlb_lines(fresh)), "stale"));

  world.put(World::kGLeaf7, World::entry(World::kRam + 0x8000, kGLeaf));
  const ExplainedWalk stale = walk(world.mmu, kQuestion);
  CHECK(stale.result->pa == 0x8000'8123);
  CHECK(contains(joined(tlb_lines(stale)), "hit, and stale"));
  world.mmu.fence_g_stage(5, std::nullopt);
  CHECK(contains(joined(tlb_lines(walk(world.mmu, kQuestion))), "miss"));
}

TEST_CASE("explain: a RISC-V fault is told with the registers that it would leave") {
  World world;
  const auto told = [&world](const WalkQuestion& question) {
    return joined(result_lines(walk(world.mmu, question)));
  };
  CHECK(contains(told({.address = 0x405000}), "load page fault at level 0 of the VS-stage"));
  CHECK(
      contains(told({.address = 0x405000}), "vscause = 0xd (load page fault), vstval = 0x405000"));
  CHECK(contains(told({.address = 0x404000, .context = {.access = Access::Store}}),
                 "store/AMO page fault at level 0 of the VS-stage"));
  CHECK(contains(told({.address = 0x403000, .context = {.user = true}}), "VU-mode may: ---."));
  CHECK(contains(told({.address = 1ULL << 38}), "The GVA is not canonical"));
  CHECK(contains(told({.address = 1ULL << 41, .g_stage_only = true}), "more than 41 bits"));
  world.put(World::kGLeaf7, 0);
  const std::string text = told({.address = 0x403123, .context = {.access = Access::Store}});
  CHECK(contains(text, "store/AMO guest-page fault at level 0 of the G-stage, for a store"));
  CHECK(contains(text, "scause = 0x17, stval = 0x403123, htval = 0x20001c48: "));
  world.put(World::kRam + 0x5000 + 0xa * 8, 0);
  const std::string implicit = told(kQuestion);
  CHECK(contains(implicit, "htinst = 0x3000"));
  CHECK(contains(implicit, "whose walk reads the VS-stage entry at GPA 0x8000a018"));
}

TEST_CASE("explain: the page of a RISC-V walk has every read, with RISC-V's words") {
  const World world;
  const std::string page = walk_page(walk(world.mmu, kQuestion), "</script> & <b>", world.memory);
  CHECK(contains(page, "<h1>&lt;/script&gt; &amp; &lt;b&gt;</h1>"));
  CHECK(contains(page, R"("title":"VS-stage level 0")"));
  CHECK(contains(page, R"("stages":["VS-stage","G-stage"],"spaces":["GVA","GPA"])"));
  CHECK(contains(page, R"("levelStep":-1)"));
}

TEST_CASE("explain: satp's one stage is told in its own words") {
  World world;
  world.put(World::kRam + 0xa000 + 3 * 8, World::entry(World::kRam + 0x7000, kLeaf | 0x10));
  world.mmu.registers() = {.vsatp = world.mmu.registers().vsatp};
  WalkQuestion question{.address = 0x403123, .one_stage = true, .context = {.sum = true}};
  ExplainedWalk told = walk(world.mmu, question);
  told.has_tlb = false;
  REQUIRE(told.result.has_value());
  CHECK(told.reads.size() == 3);
  const std::string text = walk_text(told, false);
  CHECK(joined(regime_lines(told)) ==
        "satp = 0x8000300000080008, Sv39: 3 levels, the root table is at PA 0x80008000; ASID 3; "
        "SUM = 1, MXR = 0 (sstatus).\n");
  CHECK(contains(text, "   1. level 2\n"));
  CHECK(contains(text, "VA [000000000] 000000010 000000011 000100100011"));
  CHECK(contains(text, "pointer: the next table is at PA 0x80009000"));
  CHECK(contains(text, "Result: PA 0x80007123; memory type"));
  CHECK(contains(text, "\nS-mode may: rw-."));
  const std::string page = walk_page(told, "t", world.memory);
  for (const std::string_view guests : {"vsatp", "GVA", "VS-"}) {
    CHECK_FALSE(contains(text, guests));
    const auto data = page.find(R"("title":"t")");
    CHECK_FALSE(contains(page.substr(data, page.find("</script>", data) - data), guests));
  }
  question.context.sum = false;
  question.context.user = true;
  CHECK(contains(walk_text(walk(world.mmu, question), false), "\nU-mode may: rwx."));
  question.address = 0x405000;
  const std::string fault = joined(result_lines(walk(world.mmu, question)));
  CHECK(contains(fault, "load page fault at level 0, for a load"));
  CHECK(contains(fault, "scause = 0xd (load page fault), stval = 0x405000"));
}

TEST_CASE("explain: of a walk that ends where there is no memory, the missing read is named") {
  World world;
  const auto missing = [&world](bool g_stage_only = false) {
    const ExplainedWalk told = walk(world.mmu, {.address = g_stage_only ? 0x8000'7123U : 0x40'3123U,
                                                .g_stage_only = g_stage_only});
    REQUIRE_FALSE(told.result.has_value());
    REQUIRE(told.result.error().kind == axvm::sim::riscv64::FaultKind::Access);
    return missing_read_title(told);
  };
  constexpr std::uint64_t kNowhere = 0x7000'0000;
  // The entry of level 1 is behind the G-stage, which says that it is where there is nothing.
  world.put(World::kRam + 0x5000 + 9 * 8, World::entry(kNowhere, kGLeaf));
  CHECK(missing() == "VS-stage level 1");
  world.put(World::kRam + 0x4000, World::entry(kNowhere, kPointer));
  CHECK(missing() == "G-stage level 0, to find the VS-stage entry of level 2");
  CHECK(missing(true) == "G-stage level 0");
  world.mmu.registers().hgatp = 8ULL << 60 | kNowhere >> 12;
  CHECK(missing() == "G-stage level 2, to find the VS-stage entry of level 2");
  world.mmu.registers() = {.vsatp = 8ULL << 60 | kNowhere >> 12};
  CHECK(missing() == "VS-stage level 2");
}
