#include "guest_run.hpp"

#include <doctest/doctest.h>

#include <filesystem>
#include <lab/profile_file.hpp>

namespace axvm::test {

using namespace axvm::hal_sim;

MachineConfig config_of(const GuestRun& run) {
  const std::string name = run.name + "-" + std::string(to_string(run.isa)) + ".toml";
  auto config = load_config({std::filesystem::path(AXVM_CONFIGS) / name});
  if (!config) {
    for (const Diagnostic& error : config.error()) FAIL_CHECK(to_string(error));
    return {};
  }
  if (!run.kernel.empty()) config->vms.front().kernel_path = run.kernel;
  config->sim.turn_instructions = run.turn_instructions;
  if (run.tlb_entries != 0) config->sim.tlb_entries = run.tlb_entries;
  if (run.g_stage_modes != 0) config->sim.g_stage_modes = run.g_stage_modes;
  if (run.pcpus != 0) config->sim.pcpus = run.pcpus;
  return std::move(*config);
}

std::unique_ptr<Host> boot(const MachineConfig& config, const GuestRun& run, Outcome& outcome) {
  HostOptions options;
  options.images.directories = {AXVM_BUILD_DIR};
  options.chaos = run.chaos;
  if (!run.profile.empty()) {
    const auto profile = lab::load_profile(std::filesystem::path(AXVM_CONFIGS) /
                                           "walk-lab/profiles" / (run.profile + ".toml"));
    REQUIRE(profile.has_value());
    options.timing = *profile;
  }
  if (run.traced) {
    options.prepare = [&outcome, isa = run.isa](Host& host) {
      host.trace().add(std::make_unique<TextSink>(
          isa, [&outcome](std::string_view text) { outcome.trace_text += text; },
          [&host](std::uint32_t pcpu, std::uint64_t va) { return host.instruction_at(pcpu, va); }));
      host.trace().add(std::make_unique<HashSink>(
          [&outcome](std::string_view text) { outcome.trace_hash += text; }));
    };
  }
  auto host = Host::create(config, std::move(options));
  if (host) return std::move(*host);
  for (const Diagnostic& error : host.error()) FAIL_CHECK(to_string(error));
  return nullptr;
}

std::unique_ptr<Host> boot(const GuestRun& run, Outcome& outcome) {
  return boot(config_of(run), run, outcome);
}

void collect(Host& host, StopReason reason, Outcome& outcome) {
  host.trace().finish();
  outcome.reason = std::move(reason);
  outcome.console = host.console(host.vm(0).id()).output();
  outcome.hash = host.state_hash();
  outcome.instructions = host.statistics().instructions;
  for (unsigned i = 0; i < host.machine().pcpu_count(); ++i) {
    if (const auto counters = host.machine().pcpu(i).timing_counters()) {
      outcome.counters.push_back(*counters);
    }
  }
}

Outcome run(const GuestRun& run) {
  Outcome outcome;
  const auto host = boot(run, outcome);
  REQUIRE(host != nullptr);
  // A guest that never ends fails the test instead of hanging it.
  collect(*host, host->run({.instructions = 50'000'000}), outcome);
  return outcome;
}

}  // namespace axvm::test
