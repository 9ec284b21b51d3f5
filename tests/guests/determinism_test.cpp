// The same machine, the same states: whatever watches it, perturbs its engine or stops it.
#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <thread>
#include <vector>

#include "guest_run.hpp"

using namespace axvm;
using namespace axvm::test;
using hal_sim::Isa;
using hal_sim::StopKind;

namespace {

void check_same(const Outcome& a, const Outcome& b) {
  CHECK(a.reason.kind == b.reason.kind);
  CHECK(a.hash == b.hash);
  CHECK(a.instructions == b.instructions);
  CHECK(a.console == b.console);
}

}  // namespace

TEST_CASE("determinism: a traced run under chaos ends like a plain one") {
  for (const char* name : kGuests) {
    CAPTURE(name);
    check_same(run({.name = name}), run({.name = name, .chaos = 1, .traced = true}));
  }
}

TEST_CASE("determinism: chaos changes no event and no stamp") {
  for (const char* name : kGuests) {
    CAPTURE(name);
    const Outcome quiet = run({.name = name, .traced = true});
    const Outcome chaotic = run({.name = name, .chaos = 42, .traced = true});
    CHECK(quiet.trace_hash == chaotic.trace_hash);
    CHECK(quiet.trace_text == chaotic.trace_text);
  }
}

TEST_CASE("determinism: the end of a turn is invisible to a VM with one vCPU") {
  for (const Isa isa : kIsas) {
    for (const char* name : {"hello", "paging"}) {
      CAPTURE(to_string(isa));
      CAPTURE(name);
      const Outcome one = run({.name = name, .traced = true, .isa = isa});
      const Outcome many = run({.name = name, .traced = true, .turn_instructions = 50, .isa = isa});
      CHECK(one.trace_hash == many.trace_hash);
      CHECK(one.instructions == many.instructions);
      CHECK(one.console == many.console);
    }
  }
}

TEST_CASE("determinism: a loaded machine changes nothing") {
  for (const Isa isa : kIsas) {
    CAPTURE(to_string(isa));
    const Outcome idle = run({.name = "smp", .traced = true, .isa = isa});
    std::atomic<bool> stop = false;
    std::vector<std::jthread> load(std::max(1U, std::thread::hardware_concurrency()));
    for (std::jthread& thread : load) {
      thread = std::jthread([&stop] {
        while (!stop.load(std::memory_order_relaxed)) continue;
      });
    }
    const Outcome busy = run({.name = "smp", .traced = true, .isa = isa});
    stop = true;
    check_same(idle, busy);
    CHECK(idle.trace_hash == busy.trace_hash);
  }
}

TEST_CASE("determinism: chaos shows with no TLB, however small, and no length of turns") {
  for (const Isa isa : kIsas) {
    for (const char* name : {"paging", "lazy", "smp", "demand", "selfmod", "spinlock"}) {
      for (const std::uint32_t entries : {64U, 128U}) {
        for (const std::uint64_t turn : {777ULL, 100'000ULL}) {
          CAPTURE(to_string(isa));
          CAPTURE(name);
          CAPTURE(entries);
          CAPTURE(turn);
          GuestRun quiet{.name = name, .traced = true, .turn_instructions = turn, .isa = isa};
          quiet.tlb_entries = entries;
          GuestRun chaotic = quiet;
          chaotic.chaos = 7;
          const Outcome a = run(quiet);
          const Outcome b = run(chaotic);
          check_same(a, b);
          CHECK(a.trace_hash == b.trace_hash);
        }
      }
    }
  }
}

TEST_CASE("determinism: stopping at any instruction and going on changes nothing") {
  for (const char* name : {"hello", "paging", "smp"}) {
    const Outcome whole = run({.name = name});
    for (const std::uint64_t step : {997ULL, 4'096ULL, 33'333ULL}) {
      CAPTURE(name);
      CAPTURE(step);
      Outcome outcome;
      const auto host = boot({.name = name}, outcome);
      REQUIRE(host != nullptr);
      std::uint64_t target = 0;
      hal_sim::StopReason reason;
      do {
        target += step;
        reason = host->run({.instructions = target});
        if (reason.kind == StopKind::InstructionLimit) {
          CHECK(host->statistics().instructions == target);
        }
      } while (!reason.is_final());
      collect(*host, reason, outcome);
      check_same(whole, outcome);
    }
  }
}

TEST_CASE("determinism: two machines side by side do not know of each other") {
  for (const Isa other : kIsas) {
    CAPTURE(to_string(other));
    const GuestRun runs[] = {{.name = "smp"}, {.name = "smp", .isa = other}};
    Outcome first;
    Outcome second;
    const auto a = boot(runs[0], first);
    const auto b = boot(runs[1], second);
    REQUIRE((a != nullptr && b != nullptr));
    std::uint64_t target = 0;
    hal_sim::StopReason reason_a;
    hal_sim::StopReason reason_b;
    do {
      target += 10'000;
      reason_a = a->run({.instructions = target});
      reason_b = b->run({.instructions = target});
    } while (!reason_a.is_final() || !reason_b.is_final());
    collect(*a, reason_a, first);
    collect(*b, reason_b, second);
    check_same(run(runs[0]), first);
    check_same(run(runs[1]), second);
  }
}
