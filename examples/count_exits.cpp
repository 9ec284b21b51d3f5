// A regression test of a guest in a few lines: boot it, stop it at an exact instruction, look, go
// on.
//   count_exits CONFIG
#include <cstdio>
#include <hal-sim/host/host.hpp>

using namespace axvm::hal_sim;

int main(int argc, char** argv) {
  const auto config = load_config({argc > 1 ? argv[1] : "configs/hello-aarch64.toml"});
  if (!config) return std::puts(to_string(config.error().front()).c_str()), 2;
  HostOptions options;
  options.images.directories = {AXVM_BUILD_DIR};
  const auto host = Host::create(*config, std::move(options));
  if (!host) return std::puts(to_string(host.error().front()).c_str()), 2;

  StopCondition until;
  until.instructions = 5000;
  (*host)->run(until);
  std::printf("after 5000 instructions: state %s\n", (*host)->state_hash().c_str());

  const StopReason end = (*host)->run();
  const RunStatistics run = (*host)->statistics();
  std::printf("at the end: %s; %llu traps to the VMM, state %s\n", end.text.c_str(),
              static_cast<unsigned long long>(run.machine.traps_to_el2),
              (*host)->state_hash().c_str());
  return end.kind == StopKind::PoweredOff ? 0 : 1;
}
