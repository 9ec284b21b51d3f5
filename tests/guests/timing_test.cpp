// The timing fidelity watches: guests are none the wiser, and what it counts is the guests' doing.
#include <doctest/doctest.h>

#include <numeric>

#include "guest_run.hpp"

using namespace axvm;
using namespace axvm::test;

namespace {

std::uint64_t sum(const auto& values) {
  return std::accumulate(values.begin(), values.end(), std::uint64_t{0});
}

}  // namespace

TEST_CASE("timing: the model of a processor shows in no event, no stamp and no state") {
  for (const char* name : kGuests) {
    CAPTURE(name);
    const Outcome functional = run({.name = name, .traced = true});
    const Outcome timed = run({.name = name, .traced = true, .profile = "neoverse-n1"});
    CHECK(functional.reason.kind == timed.reason.kind);
    CHECK(functional.hash == timed.hash);
    CHECK(functional.trace_hash == timed.trace_hash);
    CHECK(functional.console == timed.console);
    CHECK(functional.instructions == timed.instructions);
    REQUIRE_FALSE(timed.counters.empty());
    // 16 instructions are in a line, so that what runs straight on is a fetch for each 16; a loop
    // that waits inside a line is none.
    std::uint64_t fetches = 0;
    for (const sim::timing::Counters& counters : timed.counters) fetches += counters.fetches;
    CHECK(fetches * 16 >= timed.instructions / 64);
    const sim::timing::Counters& first = timed.counters.front();
    CHECK(first.fetches <= timed.instructions + first.refused);
    CHECK(sum(first.fetched) <= first.fetches);
  }
}

TEST_CASE("timing: chaos and traces change no counter") {
  for (const char* name : kGuests) {
    for (const char* profile : {"neoverse-n1", "cortex-a53"}) {
      CAPTURE(name);
      CAPTURE(profile);
      const Outcome quiet = run({.name = name, .profile = profile});
      const Outcome chaotic = run({.name = name, .chaos = 42, .traced = true, .profile = profile});
      CHECK(quiet.hash == chaotic.hash);
      CHECK(quiet.counters == chaotic.counters);
    }
  }
}

TEST_CASE("timing: stopping at any instruction and going on changes no counter") {
  for (const char* name : {"hello", "paging", "smp", "mmio_forms"}) {
    const Outcome whole = run({.name = name, .profile = "cortex-a53"});
    for (const std::uint64_t step : {97ULL, 4'096ULL}) {
      CAPTURE(name);
      CAPTURE(step);
      Outcome outcome;
      const auto host = boot({.name = name, .profile = "cortex-a53"}, outcome);
      REQUIRE(host != nullptr);
      std::uint64_t target = 0;
      hal_sim::StopReason reason;
      do {
        target += step;
        reason = host->run({.instructions = target});
      } while (!reason.is_final());
      collect(*host, reason, outcome);
      CHECK(outcome.hash == whole.hash);
      CHECK(outcome.counters == whole.counters);
    }
  }
}
