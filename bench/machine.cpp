// The life of a whole machine: made, booted to its end, destroyed.

#include <benchmark/benchmark.h>

#include <hal-sim/host/host.hpp>

#include "guest_runner.hpp"

namespace axvm::bench {
namespace {

void machine_hello(benchmark::State& state, const Isa& isa) {
  const auto config = hal_sim::parse_config({{"bench.toml", config_text(isa, "hello")}});
  for (auto _ : state) {
    hal_sim::HostOptions options;
    options.images.directories = {AXVM_GUESTS_DIR};
    const auto host = hal_sim::Host::create(*config, std::move(options));
    if (!host || (*host)->run().kind != hal_sim::StopKind::PoweredOff) {
      state.SkipWithError("hello did not power off");
    }
  }
}

BENCHMARK_CAPTURE(machine_hello, aarch64, kAArch64)
    ->Name("machine/aarch64/hello")
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(machine_hello, riscv64, kRiscv64)
    ->Name("machine/riscv64/hello")
    ->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace axvm::bench
