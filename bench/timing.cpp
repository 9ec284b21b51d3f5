// Guest code in timing fidelity, through the model of a Neoverse N1: beside the same code on plain
// Unicorn with hooks on memory that do nothing, and beside the functional fidelity.

#include <benchmark/benchmark.h>

#include <cstdint>
#include <lab/profile_file.hpp>

#include "guest_runner.hpp"
#include "plain_unicorn.hpp"

namespace axvm::bench {
namespace {

constexpr std::uint64_t kInstructions = 2'000'000;

void run(benchmark::State& state, GuestRunner& runner) {
  runner.run(100'000);  // translate, map
  for (auto _ : state) runner.run(kInstructions);
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(kInstructions));
}

void timed(benchmark::State& state, const char* guest) {
  const auto profile =
      lab::load_profile(AXVM_SOURCE_DIR "/configs/walk-lab/profiles/neoverse-n1.toml");
  GuestRunner runner(guest, &*profile);
  run(state, runner);
}

void functional(benchmark::State& state, const char* guest) {
  GuestRunner runner(guest);
  run(state, runner);
}

/// `per_loop` instructions per turn of the loop that X28 counts.
void hooked(benchmark::State& state, const char* guest, std::uint64_t per_loop) {
  const auto image = guest_image(guest);
  PlainUnicorn engine(image);
  uc_hook hook = 0;
  const uc_cb_hookmem_t nothing = [](uc_engine*, uc_mem_type, std::uint64_t, int, std::int64_t,
                                     void*) {};
  PlainUnicorn::check(uc_hook_add(engine.handle(), &hook, UC_HOOK_MEM_READ | UC_HOOK_MEM_WRITE,
                                  reinterpret_cast<void*>(nothing), nullptr, 1, 0));
  const std::uint64_t loops = kInstructions / per_loop;
  const std::uint64_t end = offset_of_branch_to_self(image);
  for (auto _ : state) engine.run_loop(loops, end);
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(loops * per_loop));
}

BENCHMARK_CAPTURE(timed, mixed, "mixed")->Name("timing/mixed/beside_hooks");
BENCHMARK_CAPTURE(hooked, mixed, "mixed", 9)->Name("timing/mixed/hooks");
BENCHMARK_CAPTURE(timed, mixed, "mixed")->Name("timing/mixed/beside_functional");
BENCHMARK_CAPTURE(functional, mixed, "mixed")->Name("timing/mixed/functional");
BENCHMARK_CAPTURE(timed, callret, "callret")->Name("timing/callret/beside_hooks");
BENCHMARK_CAPTURE(hooked, callret, "callret", 15)->Name("timing/callret/hooks");

}  // namespace
}  // namespace axvm::bench
