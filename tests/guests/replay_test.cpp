// Runs that were written down and are repeated.
#include <doctest/doctest.h>

#include <hal-sim/record/choices_log.hpp>
#include <hal-sim/record/choices_replay.hpp>

#include "guest_run.hpp"

using namespace axvm;
using namespace axvm::test;
using hal_sim::Choice;
using hal_sim::DeterministicChoices;
using hal_sim::Host;
using hal_sim::Isa;
using hal_sim::LoggedChoices;
using hal_sim::ReplayedChoices;
using hal_sim::StopKind;

namespace {

// Types "off" at once, and answers what can be answered in several ways in unusual ones.
class Unusual final : public hal_sim::ForwardedChoices {
 public:
  Unusual() : ForwardedChoices(std::make_unique<DeterministicChoices>(100'000)) {}

  std::size_t next_vcpu(PcpuId, std::size_t count) override { return count - 1; }
  std::uint64_t round_length(std::uint64_t begin) override { return 1'000 + begin % 77; }
  std::string arriving_input(VmId) override { return std::exchange(text_, {}); }
  bool admit_input(VmId, std::uint64_t) override { return ++asked_ % 2 == 0; }
  std::uint64_t entropy() override { return ++asked_; }

 private:
  std::string text_ = "off\n";
  std::uint64_t asked_ = 0;
};

std::unique_ptr<Host> boot(const char* guest, Isa isa, std::unique_ptr<hal_sim::Choices> choices) {
  hal_sim::HostOptions options;
  options.images.directories = {AXVM_BUILD_DIR};
  options.choices = std::move(choices);
  auto host = Host::create(config_of({.name = guest, .isa = isa}), std::move(options));
  REQUIRE(host.has_value());
  return std::move(*host);
}

struct Recorded {
  std::vector<Choice> log;
  std::string hash;
  std::uint64_t instructions = 0;
  std::string console;
};

Recorded record(const char* guest, Isa isa) {
  Recorded recorded;
  const auto host =
      boot(guest, isa,
           std::make_unique<LoggedChoices>(std::make_unique<Unusual>(), [&](std::string_view line) {
             line.remove_suffix(1);
             const auto choice = hal_sim::parse_choice(line);
             REQUIRE(choice.has_value());
             recorded.log.push_back(*choice);
           }));
  CHECK(host->run().kind == StopKind::PoweredOff);
  recorded.hash = host->state_hash();
  recorded.instructions = host->statistics().instructions;
  recorded.console = host->console(VmId(1)).output();
  return recorded;
}

struct Repeated {
  std::atomic<bool> stop = false;
  ReplayedChoices* choices = nullptr;
  std::unique_ptr<Host> host;
  StopKind end{};
};

std::unique_ptr<Repeated> repeat(const char* guest, Isa isa, const std::vector<Choice>& log) {
  auto run = std::make_unique<Repeated>();
  auto choices = std::make_unique<ReplayedChoices>(std::make_unique<DeterministicChoices>(100'000),
                                                   log, run->stop, false);
  run->choices = choices.get();
  run->host = boot(guest, isa, std::move(choices));
  hal_sim::StopCondition until;
  until.interrupt = &run->stop;
  run->end = run->host->run(until).kind;
  return run;
}

}  // namespace

TEST_CASE("replay: a run whose choices are repeated is the same run") {
  for (const Isa isa : kIsas) {
    for (const char* guest : {"echo", "smp"}) {
      CAPTURE(to_string(isa));
      CAPTURE(guest);
      const Recorded recorded = record(guest, isa);
      const auto again = repeat(guest, isa, recorded.log);
      CHECK(again->end == StopKind::PoweredOff);
      CHECK_FALSE(again->choices->divergence().has_value());
      CHECK(again->choices->made() == recorded.log.size());
      CHECK(again->host->state_hash() == recorded.hash);
      CHECK(again->host->statistics().instructions == recorded.instructions);
      CHECK(again->host->console(VmId(1)).output() == recorded.console);
    }
  }
}

TEST_CASE("replay: a choice that was not the one asked for stops the run and is named") {
  for (const Isa isa : kIsas) {
    CAPTURE(to_string(isa));
    Recorded recorded = record("smp", isa);
    REQUIRE(recorded.log.size() > 4);
    recorded.log[2] = {.kind = Choice::Kind::RoundLength, .first = 1};
    const auto again = repeat("smp", isa, recorded.log);
    CHECK(again->end == StopKind::Interrupted);
    REQUIRE(again->choices->divergence().has_value());
    CHECK(again->choices->divergence()->choice == 2);
    CHECK(again->choices->divergence()->what.starts_with("is round_length, begin 1, "));
  }
}

TEST_CASE("replay: a log that ends too early is a divergence behind its end") {
  for (const Isa isa : kIsas) {
    CAPTURE(to_string(isa));
    Recorded recorded = record("echo", isa);
    recorded.log.pop_back();
    const auto again = repeat("echo", isa, recorded.log);
    REQUIRE(again->choices->divergence().has_value());
    CHECK(again->choices->divergence()->choice == recorded.log.size());
    CHECK(again->choices->divergence()->what.starts_with("is the end, expected "));
  }
}
