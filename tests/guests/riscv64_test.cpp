// Guests of RISC-V: each runs to power-off and says what it should, and the same machine passes the
// same states whatever watches it, perturbs its engine or stops it.
#include <doctest/doctest.h>

#include "guest_run.hpp"

using namespace axvm;
using namespace axvm::test;
using hal_sim::Isa;
using hal_sim::StopKind;

namespace {

// Turns are short: harts that wait for each other look again and again.
GuestRun guest(const char* name) {
  return {.name = name, .turn_instructions = 1000, .isa = Isa::Riscv64};
}

void check_same(const Outcome& a, const Outcome& b) {
  CHECK(a.reason.kind == b.reason.kind);
  CHECK(a.hash == b.hash);
  CHECK(a.instructions == b.instructions);
  CHECK(a.console == b.console);
}

// Two VMs to their ends, each with what it says last.
void check_pair(const char* first, const char* second, const char* last, GuestRun run) {
  run.name = first;
  auto config = config_of(run);
  config.vms.push_back(config_of(guest(second)).vms.front());
  Outcome outcome;
  const auto host = boot(config, run, outcome);
  REQUIRE(host != nullptr);
  CHECK(host->run({.instructions = 500'000'000}).kind == StopKind::PoweredOff);
  for (const std::uint32_t vm : {1U, 2U}) {
    const std::string console = host->console(VmId(vm)).output();
    INFO(console);
    CHECK(console.ends_with(last));
  }
}

}  // namespace

TEST_CASE("riscv64: hello prints one line and powers off") {
  const Outcome outcome = run(guest("hello"));
  CHECK(outcome.reason.kind == StopKind::PoweredOff);
  CHECK(outcome.console == "Hello from hart 0: a guest on the AxVM core.\r\n");
}

TEST_CASE("riscv64: every guest's own checks hold") {
  for (const char* name : kRiscvGuests) {
    CAPTURE(name);
    const Outcome outcome = run(guest(name));
    INFO(outcome.console);
    CHECK(outcome.reason.kind == StopKind::PoweredOff);
    if (std::string_view(name) == "hello") continue;
    CHECK(outcome.console.ends_with(std::string(name) + ": PASS\r\n"));
  }
}

TEST_CASE("riscv64: two VMs share memory, on one pCPU or two") {
  for (const unsigned pcpus : {1U, 2U}) {
    CAPTURE(pcpus);
    GuestRun run = guest("ivc-publisher");
    run.turn_instructions = 500;
    run.pcpus = pcpus;
    check_pair("ivc-publisher", "ivc-subscriber", "ivc: PASS\r\n", run);
  }
}

TEST_CASE("riscv64: two VMs exchange frames") {
  check_pair("network-left", "network-right", "network: PASS\r\n", guest("network-left"));
}

TEST_CASE("riscv64: vCPUs agree on any number of pCPUs, in turns of any length") {
  for (const char* name : {"smp", "spinlock", "ipi", "reservation"}) {
    for (const unsigned pcpus : {1U, 2U, 4U}) {
      for (const std::uint64_t turn : {777ULL, 20'000ULL}) {
        CAPTURE(name);
        CAPTURE(pcpus);
        CAPTURE(turn);
        GuestRun cut = guest(name);
        cut.pcpus = pcpus;
        cut.turn_instructions = turn;
        const Outcome outcome = run(cut);
        INFO(outcome.console);
        CHECK(outcome.console.ends_with(std::string(name) + ": PASS\r\n"));
      }
    }
  }
}

TEST_CASE("riscv64: a traced run under chaos ends like a plain one") {
  for (const char* name : kRiscvGuests) {
    CAPTURE(name);
    GuestRun chaotic = guest(name);
    chaotic.chaos = 1;
    chaotic.traced = true;
    check_same(run(guest(name)), run(chaotic));
  }
}

TEST_CASE("riscv64: chaos changes no event and no stamp") {
  for (const char* name : kRiscvGuests) {
    CAPTURE(name);
    GuestRun quiet = guest(name);
    quiet.traced = true;
    GuestRun chaotic = quiet;
    chaotic.chaos = 42;
    const Outcome a = run(quiet);
    const Outcome b = run(chaotic);
    CHECK(a.trace_hash == b.trace_hash);
    CHECK(a.trace_text == b.trace_text);
  }
}

TEST_CASE("riscv64: stopping at any instruction and going on changes nothing") {
  for (const char* name : {"hello", "paging", "smp"}) {
    const Outcome whole = run(guest(name));
    for (const std::uint64_t step : {997ULL, 33'333ULL}) {
      CAPTURE(name);
      CAPTURE(step);
      Outcome outcome;
      const auto host = boot(guest(name), outcome);
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

TEST_CASE("riscv64: a guest that fails asks for a reset, which is no power-off") {
  auto config = config_of(guest("smp"));
  config.vms.front().cpu_num = 1;
  Outcome outcome;
  const auto host = boot(config, guest("smp"), outcome);
  REQUIRE(host != nullptr);
  CHECK(host->run().kind == StopKind::ResetRequested);
}
