// Guest code under the whole stack (stage 2, exact counting, asynchronous points) beside the same
// code on plain Unicorn without any hook.

#include <benchmark/benchmark.h>

#include <cstdint>

#include "guest_runner.hpp"
#include "plain_unicorn.hpp"

namespace axvm::bench {
namespace {

constexpr std::uint64_t kInstructions = 20'000'000;

void under_the_vmm(benchmark::State& state, const char* guest) {
  GuestRunner runner(guest);
  runner.run(100'000);  // translate, map
  for (auto _ : state) runner.run(kInstructions);
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(kInstructions));
}

/// `per_loop` instructions per turn of the loop that X28 counts.
void on_plain_unicorn(benchmark::State& state, const char* guest, std::uint64_t per_loop) {
  const auto image = guest_image(guest);
  PlainUnicorn engine(image);
  const std::uint64_t loops = kInstructions / per_loop;
  const std::uint64_t end = offset_of_branch_to_self(image);
  for (auto _ : state) engine.run_loop(loops, end);
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(loops * per_loop));
}

BENCHMARK_CAPTURE(under_the_vmm, alu, "alu")->Name("guest/alu/axvm");
BENCHMARK_CAPTURE(on_plain_unicorn, alu, "alu", 17)->Name("guest/alu/unicorn");
BENCHMARK_CAPTURE(under_the_vmm, load, "load")->Name("guest/load/axvm");
BENCHMARK_CAPTURE(on_plain_unicorn, load, "load", 10)->Name("guest/load/unicorn");
BENCHMARK_CAPTURE(under_the_vmm, store, "store")->Name("guest/store/axvm");
BENCHMARK_CAPTURE(on_plain_unicorn, store, "store", 10)->Name("guest/store/unicorn");
BENCHMARK_CAPTURE(under_the_vmm, mixed, "mixed")->Name("guest/mixed/axvm");
BENCHMARK_CAPTURE(on_plain_unicorn, mixed, "mixed", 9)->Name("guest/mixed/unicorn");
BENCHMARK_CAPTURE(under_the_vmm, callret, "callret")->Name("guest/callret/axvm");
BENCHMARK_CAPTURE(on_plain_unicorn, callret, "callret", 15)->Name("guest/callret/unicorn");

}  // namespace
}  // namespace axvm::bench
