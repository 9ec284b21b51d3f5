// The cost of changing and reading stage-2 tables, per leaf, beside 24 dependent loads: that many a
// cold walk of two stages needs.

#include <benchmark/benchmark.h>

#include <algorithm>
#include <core/arch/aarch64/stage2_format.hpp>
#include <core/memory/page_table.hpp>
#include <cstdint>
#include <cstdlib>
#include <numeric>
#include <random>
#include <utility>
#include <vector>

#include "frame_arena.hpp"

namespace axvm::bench {
namespace {

using aarch64::kStage2FourLevels;
using Table = PageTable<aarch64::Stage2Format, FrameArena>;

constexpr std::uint64_t k2M = 2ULL << 20;
constexpr std::uint64_t k1G = 1ULL << 30;

/// Leaves of one size side by side.
struct Span {
  std::uint64_t leaf;
  std::uint64_t count;

  [[nodiscard]] GuestPhysRange range() const { return {GuestPhysAddr(k1G), leaf * count}; }
  /// Aligned to the leaf and to nothing larger, so that leaves are no larger.
  [[nodiscard]] HostPhysAddr target() const { return HostPhysAddr(2 * k1G + leaf); }
};
constexpr Span k4kSpan{kPageSize, k1G / kPageSize};
constexpr Span k2mSpan{k2M, 64 * k1G / k2M};
constexpr Span k1gSpan{k1G, 32 * 1024};

/// CPUs that have nothing to forget: the tables alone are measured.
struct NoTlb {
  void invalidate(GuestPhysRange range) { benchmark::DoNotOptimize(range); }
  void publish() { benchmark::ClobberMemory(); }
  void publish_data(std::span<std::byte>) {}
};

/// A table and what it lives in.
struct Bench {
  FrameArena frames;
  Table table = *Table::try_make(frames, kStage2FourLevels);
  NoTlb tlb;

  template <class Duty>
  void finish(Result<Duty> changed) {
    if (!changed) std::abort();
    std::move(*changed).flush(tlb);
  }
  void map(Span span) { finish(table.map(span.range(), span.target(), kReadWriteExecute)); }
  void unmap(Span span) { finish(table.unmap(span.range(), tlb)); }
};

void count(benchmark::State& state, std::uint64_t per_iteration) {
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(per_iteration));
}

// --- ranges ------------------------------------------------------------------------------------

void map_range(benchmark::State& state, Span span) {
  Bench bench;
  for (auto _ : state) {
    bench.map(span);
    state.PauseTiming();
    bench.unmap(span);
    state.ResumeTiming();
  }
  count(state, span.count);
}

void unmap_range(benchmark::State& state, Span span) {
  Bench bench;
  for (auto _ : state) {
    state.PauseTiming();
    bench.map(span);
    state.ResumeTiming();
    bench.unmap(span);
  }
  count(state, span.count);
}

void protect_range(benchmark::State& state, Span span) {
  Bench bench;
  bench.map(span);
  bool writable = true;
  for (auto _ : state) {
    writable = !writable;
    bench.finish(bench.table.protect(span.range(),
                                     writable ? kReadWriteExecute : MappingFlags::Read, bench.tlb));
  }
  count(state, span.count);
}

BENCHMARK_CAPTURE(map_range, 4k, k4kSpan)->Name("paging/map/4k");
BENCHMARK_CAPTURE(map_range, 2m, k2mSpan)->Name("paging/map/2m");
BENCHMARK_CAPTURE(map_range, 1g, k1gSpan)->Name("paging/map/1g");
BENCHMARK_CAPTURE(unmap_range, 4k, k4kSpan)->Name("paging/unmap/4k");
BENCHMARK_CAPTURE(unmap_range, 2m, k2mSpan)->Name("paging/unmap/2m");
BENCHMARK_CAPTURE(unmap_range, 1g, k1gSpan)->Name("paging/unmap/1g");
BENCHMARK_CAPTURE(protect_range, 4k, k4kSpan)->Name("paging/protect/4k");
BENCHMARK_CAPTURE(protect_range, 2m, k2mSpan)->Name("paging/protect/2m");
BENCHMARK_CAPTURE(protect_range, 1g, k1gSpan)->Name("paging/protect/1g");

// --- single pages of 1 GiB ---------------------------------------------------------------------

/// All pages of the span in ascending order, or 100 000 of them in none.
std::vector<std::uint64_t> pages(bool random) {
  std::vector<std::uint64_t> all(k4kSpan.count);
  std::iota(all.begin(), all.end(), 0);
  if (random) {
    std::shuffle(all.begin(), all.end(), std::minstd_rand(1));
    all.resize(100'000);
  }
  for (std::uint64_t& page : all) page = k4kSpan.range().base.value + page * kPageSize;
  return all;
}

void map_pages(Bench& bench, const std::vector<std::uint64_t>& pages) {
  for (const std::uint64_t page : pages) {
    bench.finish(bench.table.map({GuestPhysAddr(page), kPageSize}, HostPhysAddr(page + kPageSize),
                                 kReadWriteExecute));
  }
}

void map_one(benchmark::State& state, bool random) {
  Bench bench;
  const auto order = pages(random);
  for (auto _ : state) {
    map_pages(bench, order);
    state.PauseTiming();
    bench.unmap(k4kSpan);
    state.ResumeTiming();
  }
  count(state, order.size());
}

void unmap_one(benchmark::State& state, bool random) {
  Bench bench;
  const auto order = pages(random);
  for (auto _ : state) {
    state.PauseTiming();
    map_pages(bench, order);
    state.ResumeTiming();
    for (const std::uint64_t page : order) {
      bench.finish(bench.table.unmap({GuestPhysAddr(page), kPageSize}, bench.tlb));
    }
  }
  count(state, order.size());
}

/// Where a page leads is the page to ask for next, in one cycle through all of them.
void query_one(benchmark::State& state, bool random) {
  Bench bench;
  std::vector<std::uint64_t> order(k4kSpan.count);
  std::iota(order.begin(), order.end(), 0);
  if (random) std::shuffle(order.begin(), order.end(), std::minstd_rand(1));
  for (std::size_t i = 0; i < order.size(); ++i) {
    const std::uint64_t next = order[(i + 1) % order.size()];
    bench.finish(bench.table.map({GuestPhysAddr(k1G + order[i] * kPageSize), kPageSize},
                                 HostPhysAddr(k1G + next * kPageSize), kReadWriteExecute));
  }
  GuestPhysAddr at(k1G);
  for (auto _ : state) at = GuestPhysAddr(bench.table.query(at)->hpa.value);
  benchmark::DoNotOptimize(at);
  count(state, 1);
}

BENCHMARK_CAPTURE(map_one, sequential, false)->Name("paging/map_one/4k/sequential");
BENCHMARK_CAPTURE(map_one, random, true)->Name("paging/map_one/4k/random");
BENCHMARK_CAPTURE(unmap_one, sequential, false)->Name("paging/unmap_one/4k/sequential");
BENCHMARK_CAPTURE(unmap_one, random, true)->Name("paging/unmap_one/4k/random");
BENCHMARK_CAPTURE(query_one, sequential, false)->Name("paging/query_one/4k/sequential");
BENCHMARK_CAPTURE(query_one, random, true)->Name("paging/query_one/4k/random");

// --- random single pages, by memory alone ------------------------------------------------------

/// What any table of as many entries costs: its loads and stores, without checks or look-ups.
struct BareTable {
  FrameArena frames;
  std::uint64_t* entries = frame_as<std::uint64_t>(frames, *frames.allocate_frame());
  std::uint64_t* parents = entries + k4kSpan.count;  // the arena is one block
};

void bare_map(benchmark::State& state) {
  BareTable table;
  const auto order = pages(true);
  std::fill_n(table.entries, k4kSpan.count, 0);
  for (std::uint64_t i = 0; i < k4kSpan.count / 512; ++i) table.parents[i] = i * kPageSize;
  for (auto _ : state) {
    for (const std::uint64_t page : order) {
      const std::uint64_t number = page / kPageSize % k4kSpan.count;
      const std::uint64_t parent = table.parents[number / 512];
      std::uint64_t& entry = table.entries[parent / kPageSize * 512 + number % 512];
      if ((entry & 1) != 0) std::abort();
      entry = page;
      table.parents[number / 512] = parent ^ 1;
      benchmark::ClobberMemory();
    }
  }
  count(state, order.size());
}

void bare_query(benchmark::State& state) {
  BareTable table;
  std::vector<std::uint64_t> order(k4kSpan.count);
  std::iota(order.begin(), order.end(), 0);
  std::shuffle(order.begin(), order.end(), std::minstd_rand(1));
  for (std::size_t i = 0; i < order.size(); ++i) {
    table.entries[order[i]] = order[(i + 1) % order.size()];
  }
  std::uint64_t at = 0;
  for (auto _ : state) {
    at = table.entries[at];
    asm volatile("" : "+r"(at));
  }
  count(state, 1);
}
BENCHMARK(bare_map)->Name("paging/bare/map_one/4k/random");
BENCHMARK(bare_query)->Name("paging/bare/query_one/4k/random");

// --- the reference -----------------------------------------------------------------------------

void c24(benchmark::State& state) {
  // A cycle through a few cache lines; each load needs the one before.
  std::vector<const void*> chain(24 * 8);
  for (std::size_t i = 0; i < 24; ++i) chain[i * 8] = &chain[(i + 1) % 24 * 8];
  const void* at = chain.data();
  for (auto _ : state) {
    for (int i = 0; i < 24; ++i) {
      at = *static_cast<const void* const*>(at);
      asm volatile("" : "+r"(at));  // in a register: nothing but the loads
    }
  }
}
BENCHMARK(c24)->Name("paging/c24");

}  // namespace
}  // namespace axvm::bench
