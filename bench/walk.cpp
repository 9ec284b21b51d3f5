// A cold two-stage walk, with all its permission and fault logic, beside what no walker can avoid:
// a chain of as many dependent loads from the same addresses.

#include <benchmark/benchmark.h>

#include <array>
#include <sim/arch/aarch64/mmu.hpp>
#include <string>
#include <vector>

#include "walk_tables.hpp"

namespace axvm::bench {
namespace {

using sim::aarch64::Access;
using sim::aarch64::AccessContext;
using sim::aarch64::Mmu;
using sim::aarch64::NoObserver;
using sim::aarch64::WalkStep;

constexpr std::array<std::uint64_t, 8> kPages{
    0x0000'0012'3456'7000, 0x0000'0056'789a'b000, 0x0000'0032'1000'5000, 0x0000'0071'fedc'b000,
    0x0000'0009'8765'4000, 0x0000'0044'4444'4000, 0x0000'0001'2345'6000, 0x0000'0060'0060'6000};

/// An MMU set up for g-level stage 1 over h-level stage 2 (0: stage 2 off), with a few pages.
struct Setup {
  Setup(unsigned g, unsigned h)
      : memory(*sim::PhysicalMemory::create(
            std::array{sim::PhysicalMemory::Bank{WalkTables::kRam, WalkTables::kRamSize}})),
        mmu(memory, 1024, statistics) {
    WalkTables tables(memory, g, h);
    // Fewer levels translate fewer bits.
    const unsigned bits = g == 4 ? 48 : 12 + 9 * g;
    for (const std::uint64_t va : kPages) {
      pages.push_back(va & ((std::uint64_t{1} << bits) - 1));
      tables.map(pages.back());
    }
    auto& r = mmu.registers();
    r.sctlr_el1 = 0x30c5'0831;
    r.tcr_el1 = (64 - bits) | (3ULL << 8) | (3ULL << 12) | (1ULL << 23) | (5ULL << 32);
    r.ttbr0_el1 = tables.stage1_root();
    r.hcr_el2 = h == 0 ? 1ULL << 31 : (1ULL << 31) | 1;
    const std::uint64_t start = h == 4 ? 2 : h == 3 ? 1 : 0;
    const std::uint64_t ipa_bits = h == 4 ? 44 : 12 + 9 * h;
    r.vtcr_el2 = (1ULL << 31) | (4ULL << 16) | (3ULL << 12) | (1ULL << 10) | (1ULL << 8) |
                 (start << 6) | (64 - ipa_bits);
    r.vttbr_el2 = tables.stage2_root();
  }

  sim::Statistics statistics;
  sim::PhysicalMemory memory;
  Mmu mmu;
  std::vector<std::uint64_t> pages;
};

struct Addresses {
  const sim::PhysicalMemory& memory;
  std::vector<const std::uint8_t*>& list;
  void step(const WalkStep& s) { list.push_back(memory.at(s.descriptor_pa)); }
};

void cold_walk(benchmark::State& state, unsigned g, unsigned h) {
  Setup setup(g, h);
  NoObserver nobody;
  const AccessContext context{.access = Access::Read, .el = 1, .pan = false};
  std::size_t i = 0;
  // The next walk starts when this one has ended, as a TLB miss blocks the access behind it.
  std::uint64_t dependency = 0;
  for (auto _ : state) {
    const auto t = setup.mmu.walk(setup.pages[i] + dependency, context, nobody);
    if (!t) state.SkipWithError("the walk faulted");
    std::uint64_t zero = t->pa;
    asm volatile("and $0, %0" : "+r"(zero));
    dependency = zero;
    i = (i + 1) % kPages.size();
  }
}

void dependent_loads(benchmark::State& state, unsigned g, unsigned h) {
  Setup setup(g, h);
  std::vector<std::vector<const std::uint8_t*>> chains;
  for (const std::uint64_t va : setup.pages) {
    chains.emplace_back();
    Addresses addresses{setup.memory, chains.back()};
    const auto t = setup.mmu.walk(va, {.access = Access::Read, .el = 1, .pan = false}, addresses);
    if (!t || chains.back().size() != (g + 1) * (h + 1) - 1) {
      state.SkipWithError("the walk has another number of references");
      return;
    }
  }
  std::size_t i = 0;
  std::uint64_t zero = 0;
  for (auto _ : state) {
    for (const std::uint8_t* const p : chains[i]) {
      std::uint64_t v = 0;
      // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast): an aligned descriptor
      v = *reinterpret_cast<const volatile std::uint64_t*>(p + zero);
      asm volatile("and $0, %0" : "+r"(v));
      zero = v;
    }
    i = (i + 1) % chains.size();
  }
  benchmark::DoNotOptimize(zero);
}

const int kRegistered = [] {
  for (const auto& [g, h] : {std::pair{4U, 4U}, std::pair{4U, 3U}, std::pair{3U, 4U},
                             std::pair{3U, 3U}, std::pair{2U, 3U}, std::pair{4U, 0U}}) {
    const std::string shape = std::to_string(g) + "x" + std::to_string(h);
    benchmark::RegisterBenchmark(("walk/cold/aarch64/" + shape).c_str(), cold_walk, g, h);
    const std::string count = std::to_string((g + 1) * (h + 1) - 1);
    benchmark::RegisterBenchmark(("walk/dependent_loads/" + count).c_str(), dependent_loads, g, h);
  }
  return 0;
}();

}  // namespace
}  // namespace axvm::bench
