// Many independent walks over tables of 256 MiB, beside a chain of as many dependent loads as one
// of them has, from as much memory.

#include <benchmark/benchmark.h>

#include <array>
#include <cstdint>
#include <cstdlib>
#include <lab/random.hpp>
#include <lab/translation_tables.hpp>
#include <optional>
#include <sim/timing/batched_walks.hpp>
#include <utility>
#include <vector>

namespace axvm::bench {
namespace {

constexpr std::uint64_t kTablesSize = 256ULL << 20;
constexpr std::size_t kBatch = 1024;

/// 4 levels over 4, of pages of 4 KiB: both stages have half of the tables.
struct Setup {
  static constexpr std::uint64_t kFootprint = kTablesSize / 2 / 8 * 4096;

  Setup()
      : tables(*lab::TranslationTables::make({.guest = lab::find_guest_format("vmsa-4k-48"),
                                              .guest_leaves = {{}},
                                              .nested = lab::find_nested_format("vmsa-4k-48"),
                                              .nested_height = 0,
                                              .footprint = kFootprint})) {}
  static const Setup& get() {
    static const Setup setup;
    return setup;
  }
  void choose(lab::Random& random, std::array<std::uint64_t, kBatch>& vas) const {
    for (std::uint64_t& va : vas) va = tables.va() + random.below(kFootprint);
  }

  lab::TranslationTables tables;
};

void batched(benchmark::State& state) {
  const Setup& setup = Setup::get();
  lab::Random random(1);
  std::array<std::uint64_t, kBatch> vas{};
  std::array<std::optional<sim::timing::Translation>, kBatch> found;
  for (auto _ : state) {
    setup.choose(random, vas);
    sim::timing::walk_batch(setup.tables.memory(), setup.tables.stage1(), setup.tables.stage2(),
                            vas, found);
    for (std::size_t i = 0; i < kBatch; ++i) {
      if (!found[i] || found[i]->address != setup.tables.expected_pa(vas[i])) std::abort();
    }
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(kBatch));
}

/// As a model that has no TLB, no walk cache and no data cache walks.
void one_at_a_time(benchmark::State& state) {
  const Setup& setup = Setup::get();
  lab::Random random(1);
  std::array<std::uint64_t, kBatch> vas{};
  const sim::timing::Profile profile;
  sim::timing::Counters counters;
  sim::timing::MemoryHierarchy hierarchy(profile.memory);
  sim::timing::Walker walker(profile, setup.tables.memory(), hierarchy, counters);
  walker.set_stage1(setup.tables.stage1());
  walker.set_stage2(setup.tables.stage2());
  for (auto _ : state) {
    setup.choose(random, vas);
    for (const std::uint64_t va : vas) {
      std::uint32_t cycles = 0;
      const auto found = walker.walk(va, 1, 1, cycles);
      if (!found || found->address != setup.tables.expected_pa(va)) std::abort();
    }
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(kBatch));
}

/// Each of 24 loads says where the next one is: a line that has not been read for long.
void chain(benchmark::State& state) {
  struct alignas(64) Line {
    const Line* next;
  };
  static const std::vector<Line> lines = [] {
    std::vector<Line> list(kTablesSize / sizeof(Line));
    std::vector<std::uint32_t> order(list.size());
    for (std::uint32_t i = 0; i < order.size(); ++i) order[i] = i;
    lab::Random random(1);
    for (std::size_t i = order.size(); i > 1; --i) std::swap(order[i - 1], order[random.below(i)]);
    for (std::size_t i = 0; i < order.size(); ++i) {
      list[order[i]].next = &list[order[(i + 1) % order.size()]];
    }
    return list;
  }();
  const Line* at = lines.data();
  for (auto _ : state) {
    for (int i = 0; i < 24; ++i) at = at->next;
    benchmark::DoNotOptimize(at);
  }
}

BENCHMARK(batched)->Name("lab/walks/batched");
BENCHMARK(one_at_a_time)->Name("lab/walks/one_at_a_time");
BENCHMARK(chain)->Name("lab/walks/chain_of_24");

}  // namespace
}  // namespace axvm::bench
