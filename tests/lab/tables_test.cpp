#include <doctest/doctest.h>

#include <algorithm>
#include <lab/random.hpp>
#include <lab/translation_tables.hpp>
#include <set>
#include <sim/arch/aarch64/mmu.hpp>
#include <sim/arch/aarch64/table_formats.hpp>
#include <sim/arch/riscv64/table_formats.hpp>
#include <sim/arch/x86_64/table_formats.hpp>
#include <sim/timing/timing_mmu.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace axvm::lab::test {
namespace {

using sim::timing::Access;
using sim::timing::Profile;
using sim::timing::TableFormat;

Profile bare() {
  Profile profile;
  profile.memory.memory_cycles = 1;
  return profile;
}

// Addresses all over the mapped memory, its ends among them.
std::vector<std::uint64_t> offsets(std::uint64_t footprint) {
  std::vector<std::uint64_t> list{0, footprint - 1};
  Random random(7);
  for (int i = 0; i < 30; ++i) list.push_back(random.below(footprint));
  return list;
}

constexpr unsigned kLargestLeafShift = 36;

}  // namespace

TEST_CASE(
    "each guest format over each of the core's formats leads where it should, in (g+1)(h+1)-1 "
    "reads") {
  constexpr std::uint64_t kFootprint = 8ULL << 20;
  std::vector<const NestedFormat*> nested{nullptr};
  for (const NestedFormat& format : nested_formats()) nested.push_back(&format);
  for (const GuestFormat& guest : guest_formats()) {
    for (unsigned g = 0; g <= guest.format->max_leaf_height; ++g) {
      if (guest.format->entry_shift(g) > kLargestLeafShift) continue;
      for (const NestedFormat* const below : nested) {
        const unsigned highest =
            below == nullptr ? 0 : std::min(2U, below->format->max_leaf_height);
        for (unsigned h = 0; h <= highest; ++h) {
          if (below != nullptr && below->format->entry_shift(h) >= kLargestLeafShift) continue;
          CAPTURE(guest.format->name);
          CAPTURE(g);
          CAPTURE((below == nullptr ? "off" : below->format->name));
          CAPTURE(h);
          // Stage 1 of large pages maps more than asked for; only this format has no room for it.
          if (guest.format->entry_shift(g) + 2 > guest.format->input_bits) continue;
          const auto tables = TranslationTables::make({.guest = &guest,
                                                       .guest_leaves = {{g, 100}},
                                                       .nested = below,
                                                       .nested_height = h,
                                                       .footprint = kFootprint});
          REQUIRE_MESSAGE(tables.has_value(), tables.error());
          sim::timing::TimingMmu mmu(bare(), tables->memory());
          mmu.set_stage1(tables->stage1());
          mmu.set_stage2(tables->stage2());
          for (const std::uint64_t offset : offsets(kFootprint)) {
            const std::uint64_t va = tables->va() + offset;
            REQUIRE(mmu.access(va, Access::Load) == tables->expected_pa(va));
          }
          const std::uint64_t levels1 = guest.format->levels - g;
          const std::uint64_t levels2 = below == nullptr ? 0 : below->format->levels - h;
          CHECK(mmu.counters().references() ==
                mmu.counters().walks * ((levels1 + 1) * (levels2 + 1) - 1));
        }
      }
    }
  }
}

TEST_CASE(
    "the functional MMU, which checks all that a guest can see, walks the same tables to the same "
    "address") {
  struct Shape {
    const char* guest;
    const char* nested;
    std::uint64_t tcr;   // T0SZ
    std::uint64_t vtcr;  // T0SZ, SL0
  };
  for (const Shape& shape : {Shape{"vmsa-4k-48", "vmsa-4k-48", 16, 16 | 2 << 6},
                             Shape{"vmsa-4k-39", "vmsa-4k-40", 25, 24 | 1 << 6},
                             Shape{"vmsa-4k-48", "vmsa-4k-39", 16, 25 | 1 << 6}}) {
    CAPTURE(shape.guest);
    constexpr std::uint64_t kFootprint = 16ULL << 20;
    const auto tables = TranslationTables::make({.guest = find_guest_format(shape.guest),
                                                 .guest_leaves = {{1, 50}, {0, 50}},
                                                 .nested = find_nested_format(shape.nested),
                                                 .nested_height = 0,
                                                 .footprint = kFootprint});
    REQUIRE(tables.has_value());
    sim::Statistics statistics;
    sim::aarch64::Mmu mmu(tables->memory(), 64, statistics, {.pa_bits = 48});
    auto& r = mmu.registers();
    r.sctlr_el1 = 0x30c5'0831;
    r.tcr_el1 = shape.tcr | 3ULL << 8 | 3ULL << 12 | 1ULL << 23 | 5ULL << 32;
    r.mair_el1 = 0xff;
    r.ttbr0_el1 = tables->stage1().root;
    r.hcr_el2 = 1ULL << 31 | 1;
    r.vtcr_el2 = 1ULL << 31 | 5ULL << 16 | 3ULL << 12 | 1ULL << 10 | 1ULL << 8 | shape.vtcr;
    r.vttbr_el2 = tables->stage2().root;
    sim::timing::TimingMmu timing(bare(), tables->memory());
    timing.set_stage1(tables->stage1());
    timing.set_stage2(tables->stage2());
    for (const std::uint64_t offset : offsets(kFootprint)) {
      const std::uint64_t va = tables->va() + offset;
      sim::aarch64::NoObserver nobody;
      const auto found =
          mmu.walk(va, {.access = sim::aarch64::Access::Read, .el = 1, .pan = false}, nobody);
      REQUIRE(found.has_value());
      CHECK(found->pa == tables->expected_pa(va));
      CHECK(timing.access(va, Access::Load) == found->pa);
    }
  }
}

TEST_CASE("high address bits are where each format has them, and what is reserved maps nothing") {
  const auto decoded = [](const auto& formats, std::string_view name, std::uint64_t entry,
                          unsigned height) {
    const auto found = std::ranges::find(formats, name, &TableFormat::name);
    REQUIRE(found != formats.end());
    return found->decode(entry, height);
  };
  const auto arm = [&](std::string_view name, std::uint64_t entry, unsigned height) {
    return decoded(sim::aarch64::kTableFormats, name, entry, height);
  };
  using Kind = sim::timing::Descriptor::Kind;
  CHECK(arm("vmsa-4k-52", 0x0002'0000'0000'1303, 0).address == 0x000e'0000'0000'1000);
  CHECK(arm("vmsa-4k-52", 0x0000'8000'0000'0201, 3).address == 0x0008'8000'0000'0000);
  CHECK(arm("vmsa-64k-52", 0x0000'0000'0001'5003, 0).address == 0x0005'0000'0001'0000);
  CHECK(arm("vmsa-4k-48", 0x0000'0000'0021'0001, 1).address == 0x20'0000);  // nT is no address bit
  CHECK(arm("vmsa-4k-48", 0x1001, 0).kind == Kind::Invalid);
  CHECK(arm("vmsa-4k-48", 0x0001, 3).kind == Kind::Invalid);
  CHECK(arm("vmsa-16k-48", 0x0001, 2).kind == Kind::Invalid);
  CHECK(arm("vmsa-64k-48", 0x0001, 2).kind == Kind::Invalid);
  const auto risc_v = [&](std::uint64_t entry, unsigned height) {
    return decoded(sim::riscv64::kTableFormats, "sv48", entry, height);
  };
  CHECK(risc_v(0x0020'0000'0000'00cf, 0).address == 0x0080'0000'0000'0000);
  CHECK(risc_v(0x0000'0000'0008'0001, 1).kind == Kind::Table);
  CHECK(risc_v(0x0000'0000'0008'0001, 0).kind == Kind::Invalid);  // no leaf at the last level
  CHECK(risc_v(0x0000'0000'0008'0005, 0).kind == Kind::Invalid);  // W without R
  CHECK(risc_v(0x0000'0000'0000'0403, 1).kind == Kind::Invalid);  // a misaligned superpage
  // 16 pages in a row (Svnapot), which PPN has to say.
  CHECK(risc_v(0x8000'0000'0000'6003, 0).address == 0x1'0000);
  CHECK(risc_v(0x8000'0000'0000'6003, 0).run_bits == 4);
  CHECK(risc_v(0x8000'0000'0000'4403, 0).kind == Kind::Invalid);
  CHECK(risc_v(0x8000'0000'0008'0003, 1).kind == Kind::Invalid);
  CHECK(risc_v(0x0000'0000'0008'0041, 1).kind == Kind::Invalid);  // a pointer with A
  CHECK(risc_v(0x0040'0000'0000'00cf, 0).kind == Kind::Invalid);  // bit 54 is reserved
  CHECK(risc_v(0x2000'0000'0000'20cf, 0).address == 0x8000);      // NC (Svpbmt)
  CHECK(risc_v(0x6000'0000'0000'20cf, 0).kind == Kind::Invalid);
  CHECK(risc_v(0x0000'0000'0000'20ef, 0).global);
  const auto x86 = [&](std::string_view name, std::uint64_t entry, unsigned height) {
    return decoded(sim::x86_64::kTableFormats, name, entry, height);
  };
  CHECK(x86("x86-4", 0x800f'ffff'ffff'f067, 0).address == 0x000f'ffff'ffff'f000);
  CHECK(x86("x86-4", 0x0000'0000'0020'1087, 1).address == 0x20'0000);  // PAT is no address bit
  CHECK(x86("x86-4", 0x0000'0000'0000'0087, 3).kind == Kind::Invalid);
  CHECK(x86("x86-4", 0x0000'0000'0000'1006, 0).kind == Kind::Invalid);
  CHECK(x86("ept-4", 0x0000'0000'0000'1004, 0).kind == Kind::Leaf);  // execute only
  CHECK(x86("ept-4", 0x0000'0000'0000'1038, 0).kind == Kind::Invalid);
}

TEST_CASE("a mix of leaves has about as many regions of each as it says") {
  const auto tables = TranslationTables::make({.guest = find_guest_format("vmsa-4k-48"),
                                               .guest_leaves = {{1, 75}, {0, 25}},
                                               .nested = nullptr,
                                               .nested_height = 0,
                                               .footprint = 1ULL << 30});
  REQUIRE(tables.has_value());
  sim::timing::TimingMmu mmu(bare(), tables->memory());
  mmu.set_stage1(tables->stage1());
  std::uint64_t large = 0;
  for (std::uint64_t region = 0; region < 512; ++region) {
    const std::uint64_t before = mmu.counters().references();
    REQUIRE(mmu.access(tables->va() + region * (2ULL << 20), Access::Load).has_value());
    if (mmu.counters().references() - before == 3) ++large;
  }
  CHECK(large > 512 * 70 / 100);
  CHECK(large < 512 * 80 / 100);
}

TEST_CASE("what no table can map is refused in one line") {
  const auto refused = [](const TablesSpec& spec) {
    const auto tables = TranslationTables::make(spec);
    return tables ? std::string("made") : tables.error();
  };
  CHECK(refused({.guest = find_guest_format("vmsa-4k-30"),
                 .guest_leaves = {{}},
                 .nested = nullptr,
                 .nested_height = 0,
                 .footprint = 1ULL << 30}) ==
        "footprint is too large for vmsa-4k-30, expected at most 268435456 bytes");
  CHECK(refused({.guest = find_guest_format("vmsa-4k-48"),
                 .guest_leaves = {{2, 100}},
                 .nested = find_nested_format("vmsa-4k-39"),
                 .nested_height = 2,
                 .footprint = 1ULL << 40}) ==
        "footprint is too large for vmsa-4k-39, expected at most 481036337152 bytes");
}

TEST_CASE(
    "fragmentation scatters a share of the pages, and every address keeps memory of its own") {
  constexpr std::uint64_t kFootprint = 8ULL << 20;
  constexpr std::uint64_t kPages = kFootprint / 4096;
  for (const unsigned percent : {0U, 10U, 50U, 100U}) {
    CAPTURE(percent);
    const auto tables = TranslationTables::make({.guest = find_guest_format("vmsa-4k-48"),
                                                 .guest_leaves = {{}},
                                                 .nested = find_nested_format("vmsa-4k-48"),
                                                 .nested_height = 0,
                                                 .footprint = kFootprint,
                                                 .fragmentation = percent});
    REQUIRE_MESSAGE(tables.has_value(), tables.error());
    sim::timing::TimingMmu mmu(bare(), tables->memory());
    mmu.set_stage1(tables->stage1());
    mmu.set_stage2(tables->stage2());
    std::set<std::uint64_t> used;
    std::uint64_t contiguous = 0;
    std::uint64_t last = 0;
    for (std::uint64_t page = 0; page < kPages; ++page) {
      const std::uint64_t va = tables->va() + page * 4096 + 8;
      const auto pa = mmu.access(va, Access::Load);
      REQUIRE(pa == tables->expected_pa(va));
      REQUIRE(used.insert(*pa).second);
      if (page > 0 && *pa == last + 4096) ++contiguous;
      last = *pa;
    }
    CHECK(*used.rbegin() - *used.begin() == kFootprint - 4096);
    // Both of two neighbours have to stay.
    const double share = static_cast<double>(contiguous) / (kPages - 1);
    const double stays = 1 - percent / 100.0;
    CHECK(share == doctest::Approx(stays * stays).epsilon(0.05).scale(1));
  }
}

TEST_CASE("pages in any order get memory in that order, and nothing else is mapped") {
  const std::vector<std::uint64_t> pages{0x7fff'ffff'f000, 0x40'0000, 0x40'2000, 0x1000,
                                         0x7f00'0000'0000};
  const auto tables = TranslationTables::make(
      {.guest = find_guest_format("vmsa-4k-48"), .guest_leaves = {{}}, .pages = pages});
  REQUIRE_MESSAGE(tables.has_value(), tables.error());
  CHECK(tables->va() == 0);
  sim::timing::TimingMmu mmu(bare(), tables->memory());
  mmu.set_stage1(tables->stage1());
  const auto first = mmu.access(pages[0], Access::Load);
  for (std::size_t i = 0; i < pages.size(); ++i) {
    CHECK(mmu.access(pages[i] + 5, Access::Load) == *first + i * 4096 + 5);
    CHECK(tables->expected_pa(pages[i] + 5) == *first + i * 4096 + 5);
  }
  CHECK_FALSE(mmu.access(0x40'1000, Access::Load).has_value());
}

}  // namespace axvm::lab::test
