// Guest code under the whole stack (stage 2, exact counting, asynchronous points) beside the same
// code on plain Unicorn without any hook.

#include <benchmark/benchmark.h>

#include <cstdint>
#include <span>
#include <string>

#include "guest_runner.hpp"
#include "plain_unicorn.hpp"

namespace axvm::bench {
namespace {

constexpr std::uint64_t kInstructions = 20'000'000;

void under_the_vmm(benchmark::State& state, const Isa& isa, const char* guest) {
  GuestRunner runner(isa, guest);
  runner.run(100'000);  // translate, map
  for (auto _ : state) runner.run(kInstructions);
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(kInstructions));
}

/// `per_loop` instructions per turn of the loop that the guest counts.
void on_plain_unicorn(benchmark::State& state, const Isa& isa, const char* guest,
                      std::uint64_t per_loop) {
  const auto image = guest_image(isa, guest);
  PlainUnicorn engine(isa, image);
  const std::uint64_t loops = kInstructions / per_loop;
  const std::uint64_t end = offset_of_branch_to_self(isa, image);
  for (auto _ : state) engine.run_loop(loops, end);
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(loops * per_loop));
}

struct Guest {
  const char* name;
  std::uint64_t per_loop;
};
constexpr Guest kAArch64Guests[] = {
    {"alu", 17}, {"load", 10}, {"store", 10}, {"mixed", 9}, {"callret", 15}};
constexpr Guest kRiscv64Guests[] = {
    {"alu", 16}, {"load", 10}, {"store", 10}, {"mixed", 10}, {"callret", 15}};

void add(const Isa& isa, std::span<const Guest> guests) {
  for (const auto& [guest, per_loop] : guests) {
    const std::string name = std::string("guest/") + isa.name + "/" + guest;
    benchmark::RegisterBenchmark((name + "/axvm").c_str(), under_the_vmm, isa, guest);
    benchmark::RegisterBenchmark((name + "/unicorn").c_str(), on_plain_unicorn, isa, guest,
                                 per_loop);
  }
}

const int kRegistered = [] {
  add(kAArch64, kAArch64Guests);
  add(kRiscv64, kRiscv64Guests);
  return 0;
}();

}  // namespace
}  // namespace axvm::bench
