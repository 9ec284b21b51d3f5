// The life of a whole machine: made, booted to its end, destroyed.

#include <benchmark/benchmark.h>

#include <hal-sim/host/host.hpp>

#include "guest_runner.hpp"

namespace axvm::bench {
namespace {

void machine_hello(benchmark::State& state) {
  const auto config = hal_sim::parse_config({{"bench.toml", config_text("aarch64/hello.bin")}});
  for (auto _ : state) {
    hal_sim::HostOptions options;
    options.images.directories = {AXVM_GUESTS_DIR};
    const auto host = hal_sim::Host::create(*config, std::move(options));
    if (!host || (*host)->run().kind != hal_sim::StopKind::PoweredOff) {
      state.SkipWithError("hello did not power off");
    }
  }
}

BENCHMARK(machine_hello)->Name("machine/hello")->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace axvm::bench
