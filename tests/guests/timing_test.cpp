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

/// Calls `check(name, isa)` for all guests that end by themselves.
void for_each_guest(const auto& check) {
  for (const char* name : kGuests) check(name, hal_sim::Isa::Aarch64);
  for (const char* name : kRiscvGuests) check(name, hal_sim::Isa::Riscv64);
}

}  // namespace

TEST_CASE("timing: the model of a processor shows in no event, no stamp and no state") {
  for_each_guest([](const char* name, hal_sim::Isa isa) {
    CAPTURE(name);
    CAPTURE(to_string(isa));
    const Outcome functional = run({.name = name, .traced = true, .isa = isa});
    const Outcome timed = run({.name = name, .traced = true, .profile = "neoverse-n1", .isa = isa});
    CHECK(functional.reason.kind == timed.reason.kind);
    CHECK(functional.hash == timed.hash);
    CHECK(functional.trace_hash == timed.trace_hash);
    CHECK(functional.console == timed.console);
    CHECK(functional.instructions == timed.instructions);
    REQUIRE_FALSE(timed.counters.empty());
    // What runs straight on is a fetch for each line of 16 or more instructions; a loop that waits
    // inside a line is none, however long it waits.
    for (const sim::timing::Counters& counters : timed.counters) CHECK(counters.fetches > 0);
    const sim::timing::Counters& first = timed.counters.front();
    // One that goes on in the next line is two.
    CHECK(first.fetches <= 2 * timed.instructions + first.refused);
    CHECK(sum(first.fetched) <= first.fetches);
  });
}

TEST_CASE("timing: chaos and traces change no counter") {
  for_each_guest([](const char* name, hal_sim::Isa isa) {
    for (const char* profile : {"neoverse-n1", "cortex-a53"}) {
      CAPTURE(name);
      CAPTURE(to_string(isa));
      CAPTURE(profile);
      const Outcome quiet = run({.name = name, .profile = profile, .isa = isa});
      const Outcome chaotic =
          run({.name = name, .chaos = 42, .traced = true, .profile = profile, .isa = isa});
      CHECK(quiet.hash == chaotic.hash);
      CHECK(quiet.counters == chaotic.counters);
    }
  });
}

TEST_CASE("timing: stopping at any instruction and going on changes no counter") {
  for (const char* name : {"hello", "paging", "smp", "mmio_forms"}) {
    for (const auto isa : {hal_sim::Isa::Aarch64, hal_sim::Isa::Riscv64}) {
      const Outcome whole = run({.name = name, .profile = "cortex-a53", .isa = isa});
      for (const std::uint64_t step : {97ULL, 4'096ULL}) {
        CAPTURE(name);
        CAPTURE(to_string(isa));
        CAPTURE(step);
        Outcome outcome;
        const auto host = boot({.name = name, .profile = "cortex-a53", .isa = isa}, outcome);
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
}
