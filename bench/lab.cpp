// The walk lab's models: accesses per second, by how far each has to go.

#include <benchmark/benchmark.h>

#include <array>
#include <cstdint>
#include <cstdlib>
#include <lab/profile_file.hpp>
#include <lab/stream.hpp>
#include <lab/translation_tables.hpp>
#include <sim/timing/timing_mmu.hpp>

namespace axvm::bench {
namespace {

using lab::Reference;
using lab::StreamKind;

/// Neoverse N1, 48-bit addresses over the core's tables, both of 4 KiB pages.
struct Setup {
  explicit Setup(std::uint64_t footprint)
      : profile(*lab::load_profile(AXVM_SOURCE_DIR "/configs/walk-lab/profiles/neoverse-n1.toml")),
        tables(*lab::TranslationTables::make({.guest = lab::find_guest_format("vmsa-4k-48"),
                                              .guest_leaves = {{}},
                                              .nested = lab::find_nested_format("vmsa-4k-48"),
                                              .nested_height = 0,
                                              .footprint = footprint})),
        mmu(profile, tables.memory()) {
    mmu.set_stage1(tables.stage1());
    mmu.set_stage2(tables.stage2());
  }

  sim::timing::Profile profile;
  lab::TranslationTables tables;
  sim::timing::TimingMmu mmu;
};

void go(Setup& setup, const std::array<Reference, 1024>& references) {
  if (setup.mmu.access_all(setup.tables.va(), references) != references.size()) std::abort();
}

void stream(benchmark::State& state, StreamKind kind, std::uint64_t footprint) {
  Setup setup(footprint);
  const auto addresses = lab::make_stream({.kind = kind, .footprint = footprint});
  std::array<Reference, 1024> references;
  for (auto _ : state) {
    static_cast<void>(addresses->next(references));
    go(setup, references);
  }
  state.SetItemsProcessed(state.iterations() * 1024);
}

/// The same 1024 accesses again and again: no stream is made meanwhile.
void hits(benchmark::State& state, StreamKind kind) {
  constexpr std::uint64_t kFootprint = 32 << 10;
  Setup setup(kFootprint);
  const auto addresses = lab::make_stream({.kind = kind, .footprint = kFootprint, .stride = 8});
  std::array<Reference, 1024> references;
  static_cast<void>(addresses->next(references));
  for (auto _ : state) go(setup, references);
  state.SetItemsProcessed(state.iterations() * 1024);
}

BENCHMARK_CAPTURE(hits, strided, StreamKind::Strided)->Name("lab/tlb_hits/words_in_order");
BENCHMARK_CAPTURE(hits, random, StreamKind::Random)->Name("lab/tlb_hits/random");
BENCHMARK_CAPTURE(stream, sequential, StreamKind::Sequential, 1ULL << 30)
    ->Name("lab/stream/sequential");
BENCHMARK_CAPTURE(stream, zipf, StreamKind::Zipf, 64ULL << 20)->Name("lab/stream/zipf");
BENCHMARK_CAPTURE(stream, graph, StreamKind::Graph, 1ULL << 30)->Name("lab/stream/graph");
BENCHMARK_CAPTURE(stream, random, StreamKind::Random, 1ULL << 30)->Name("lab/stream/random");
BENCHMARK_CAPTURE(stream, chase, StreamKind::PointerChase, 1ULL << 30)->Name("lab/stream/chase");

}  // namespace
}  // namespace axvm::bench
