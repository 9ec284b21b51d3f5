// Guest code in timing fidelity, through the model of a Neoverse N1: beside the same code on plain
// Unicorn with hooks on memory that do nothing, and beside the functional fidelity.

#include <benchmark/benchmark.h>

#include <cstdint>
#include <lab/profile_file.hpp>
#include <string>

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

void timed(benchmark::State& state, const Isa& isa, const char* guest) {
  const auto profile =
      lab::load_profile(AXVM_SOURCE_DIR "/configs/walk-lab/profiles/neoverse-n1.toml");
  GuestRunner runner(isa, guest, &*profile);
  run(state, runner);
}

void functional(benchmark::State& state, const Isa& isa, const char* guest) {
  GuestRunner runner(isa, guest);
  run(state, runner);
}

/// `per_loop` instructions per turn of the loop that the guest counts.
void hooked(benchmark::State& state, const Isa& isa, const char* guest, std::uint64_t per_loop) {
  const auto image = guest_image(isa, guest);
  PlainUnicorn engine(isa, image);
  uc_hook hook = 0;
  const uc_cb_hookmem_t nothing = [](uc_engine*, uc_mem_type, std::uint64_t, int, std::int64_t,
                                     void*) {};
  PlainUnicorn::check(uc_hook_add(engine.handle(), &hook, UC_HOOK_MEM_READ | UC_HOOK_MEM_WRITE,
                                  reinterpret_cast<void*>(nothing), nullptr, 1, 0));
  const std::uint64_t loops = kInstructions / per_loop;
  const std::uint64_t end = offset_of_branch_to_self(isa, image);
  for (auto _ : state) engine.run_loop(loops, end);
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(loops * per_loop));
}

void add(const Isa& isa, std::uint64_t mixed_per_loop, std::uint64_t callret_per_loop) {
  const auto row = [&](const char* rest, auto f, auto... more) {
    const std::string name = std::string("timing/") + isa.name + "/" + rest;
    benchmark::RegisterBenchmark(name.c_str(), f, isa, more...);
  };
  row("mixed/beside_hooks", timed, "mixed");
  row("mixed/hooks", hooked, "mixed", mixed_per_loop);
  row("mixed/beside_functional", timed, "mixed");
  row("mixed/functional", functional, "mixed");
  row("callret/beside_hooks", timed, "callret");
  row("callret/hooks", hooked, "callret", callret_per_loop);
}

const int kRegistered = [] {
  add(kAArch64, 9, 15);
  add(kRiscv64, 10, 15);
  return 0;
}();

}  // namespace
}  // namespace axvm::bench
