// A cold two-stage walk, with all its permission and fault logic, beside what no walker can avoid:
// a chain of as many dependent loads from the same addresses.

#include <benchmark/benchmark.h>

#include <array>
#include <initializer_list>
#include <sim/arch/aarch64/mmu.hpp>
#include <sim/arch/riscv64/mmu.hpp>
#include <string>
#include <utility>
#include <vector>

#include "walk_tables.hpp"

namespace axvm::bench {
namespace {

constexpr std::array<std::uint64_t, 8> kPages{
    0x0000'0012'3456'7000, 0x0000'0056'789a'b000, 0x0000'0032'1000'5000, 0x0000'0071'fedc'b000,
    0x0000'0009'8765'4000, 0x0000'0044'4444'4000, 0x0000'0001'2345'6000, 0x0000'0060'0060'6000};

/// Stage 1 over stage 2.
struct AArch64 {
  static constexpr const char* kName = "aarch64";
  using Mmu = sim::aarch64::Mmu;
  using Entries = AArch64Entries;
  using NoObserver = sim::aarch64::NoObserver;
  using WalkStep = sim::aarch64::WalkStep;
  static constexpr sim::aarch64::AccessContext kRead{
      .access = sim::aarch64::Access::Read, .el = 1, .pan = false};

  static constexpr unsigned guest_bits(unsigned levels) {
    return levels == 4 ? 48 : 12 + 9 * levels;
  }
  static std::uint64_t entry_address(const WalkStep& step) { return step.descriptor_pa; }
  static void set_up(Mmu& mmu, const WalkTables<Entries>& tables, unsigned g, unsigned h) {
    auto& r = mmu.registers();
    r.sctlr_el1 = 0x30c5'0831;
    r.tcr_el1 = (64 - guest_bits(g)) | (3ULL << 8) | (3ULL << 12) | (1ULL << 23) | (5ULL << 32);
    r.ttbr0_el1 = tables.guest_root();
    r.hcr_el2 = h == 0 ? 1ULL << 31 : (1ULL << 31) | 1;
    const std::uint64_t start = h == 4 ? 2 : h == 3 ? 1 : 0;
    const std::uint64_t ipa_bits = h == 4 ? 44 : 12 + 9 * h;
    r.vtcr_el2 = (1ULL << 31) | (4ULL << 16) | (3ULL << 12) | (1ULL << 10) | (1ULL << 8) |
                 (start << 6) | (64 - ipa_bits);
    r.vttbr_el2 = tables.host_root();
  }
};

/// VS-stage over G-stage.
struct Riscv64 {
  static constexpr const char* kName = "riscv64";
  using Mmu = sim::riscv64::Mmu;
  using Entries = Riscv64Entries;
  using NoObserver = sim::riscv64::NoObserver;
  using WalkStep = sim::riscv64::WalkStep;
  static constexpr sim::riscv64::AccessContext kRead{.access = sim::riscv64::Access::Load};

  /// The lower half: what is above has to be as the highest bit.
  static constexpr unsigned guest_bits(unsigned levels) { return 12 + 9 * levels - 1; }
  static std::uint64_t entry_address(const WalkStep& step) { return step.entry_pa; }
  static void set_up(Mmu& mmu, const WalkTables<Entries>& tables, unsigned g, unsigned h) {
    const auto atp = [](unsigned levels, std::uint64_t root) {
      return levels == 0 ? 0 : (levels + 5ULL) << 60 | root >> 12;
    };
    mmu.registers().vsatp = atp(g, tables.guest_root());
    mmu.registers().hgatp = atp(h, tables.host_root());
  }
};

/// An MMU set up for g levels over h levels (0: the second stage is off), with a few pages.
template <class Isa>
struct Setup {
  using Tables = WalkTables<typename Isa::Entries>;

  Setup(unsigned g, unsigned h)
      : memory(*sim::PhysicalMemory::create(
            std::array{sim::PhysicalMemory::Bank{Tables::kRam, Tables::kRamSize}})),
        mmu(memory, 1024, statistics) {
    Tables tables(memory, g, h);
    for (const std::uint64_t va : kPages) {
      // Fewer levels translate fewer bits.
      pages.push_back(va & ((std::uint64_t{1} << Isa::guest_bits(g)) - 1));
      tables.map(pages.back());
    }
    Isa::set_up(mmu, tables, g, h);
  }

  sim::Statistics statistics;
  sim::PhysicalMemory memory;
  typename Isa::Mmu mmu;
  std::vector<std::uint64_t> pages;
};

template <class Isa>
struct Addresses {
  const sim::PhysicalMemory& memory;
  std::vector<const std::uint8_t*>& list;
  void step(const typename Isa::WalkStep& s) { list.push_back(memory.at(Isa::entry_address(s))); }
};

template <class Isa>
void cold_walk(benchmark::State& state, unsigned g, unsigned h) {
  Setup<Isa> setup(g, h);
  typename Isa::NoObserver nobody;
  std::size_t i = 0;
  // The next walk starts when this one has ended, as a TLB miss blocks the access behind it.
  std::uint64_t dependency = 0;
  for (auto _ : state) {
    const auto t = setup.mmu.walk(setup.pages[i] + dependency, Isa::kRead, nobody);
    if (!t) state.SkipWithError("the walk faulted");
    std::uint64_t zero = t->pa;
    asm volatile("and $0, %0" : "+r"(zero));
    dependency = zero;
    i = (i + 1) % kPages.size();
  }
}

template <class Isa>
void dependent_loads(benchmark::State& state, unsigned g, unsigned h) {
  Setup<Isa> setup(g, h);
  std::vector<std::vector<const std::uint8_t*>> chains;
  for (const std::uint64_t va : setup.pages) {
    chains.emplace_back();
    Addresses<Isa> addresses{setup.memory, chains.back()};
    const auto t = setup.mmu.walk(va, Isa::kRead, addresses);
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

template <class Isa>
void add(std::initializer_list<std::pair<unsigned, unsigned>> shapes) {
  for (const auto& [g, h] : shapes) {
    const std::string isa = Isa::kName;
    const std::string shape = std::to_string(g) + "x" + std::to_string(h);
    benchmark::RegisterBenchmark(("walk/cold/" + isa + "/" + shape).c_str(), cold_walk<Isa>, g, h);
    const std::string count = std::to_string((g + 1) * (h + 1) - 1);
    benchmark::RegisterBenchmark(("walk/dependent_loads/" + isa + "/" + count).c_str(),
                                 dependent_loads<Isa>, g, h);
  }
}

const int kRegistered = [] {
  add<AArch64>({{4, 4}, {4, 3}, {3, 4}, {3, 3}, {2, 3}, {4, 0}});
  add<Riscv64>({{5, 5}, {4, 4}, {4, 3}, {3, 4}, {3, 3}, {4, 0}});
  return 0;
}();

}  // namespace
}  // namespace axvm::bench
